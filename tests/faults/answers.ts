import { expect } from 'vitest';
import { at, stringAt } from '../../src/contract/index.ts';
import { heard } from '../http/two-providers.ts';
import { attemptsOf, codeOf, type Scenario, second, textOf, until, type World } from '../support/fault-world.ts';

const words = 'one two three four five six seven eight nine ten eleven twelve';
const say = `Say exactly: ${words}`;
const lanes = [
  ['straight', 'openai/gpt-4o'],
  ['crossed', 'anthropic/claude-sonnet-5-5'],
] as const;
const image = { input: 'a lamp', size: '1024x1024', quality: 'low' };
const flux = 'replicate/black-forest-labs/flux-schnell';

/** What was made is of no use: the provider's bill is in the book, the customer is charged nothing. */
function wasted(world: World, generation: Parameters<World['agrees']>[0]): void {
  expect(generation).toMatchObject({ status: 'failed', outputs: [], error: { code: 'invalid_output' } });
  expect(attemptsOf(generation)).toMatchObject([{ state: 'settled', billed: true, charge_usd: '0' }]);
  expect(world.sent(stringAt(generation, 'id')!)).toHaveLength(1);
  expect(world.agrees(generation)).toBeGreaterThan(0n);
}

export const answers: Scenario[] = [
  ...lanes.flatMap(([lane, model]) =>
    (['error-200', 'error-event:0'] as const).map((fault) => ({
      title: `#24 an error in a 200 (${lane}, ${fault}) is a failure: another answers, what it cost is what was billed`,
      run: async (world: World) => {
        const stream = fault === 'error-event:0';
        world.fail(model, fault);
        const answer = await world.pair(model, say, { stream });
        expect(answer.headers.get('x-atelier-model'), answer.text).toBe(second);
        if (stream) expect(heard(answer.text)).toMatchObject({ text: words, done: true, error: undefined });
        else expect(textOf(answer.body)).toBe(words);
        const generation = await world.behind(answer);
        expect(attemptsOf(generation)).toMatchObject([{ outcome: 'provider_error' }, { outcome: 'succeeded' }]);
        world.agrees(generation);
        // Nothing was billed, so it is asked again as long as that is allowed.
        world.fail(model, 'error-200', { times: 3 });
        const alone = await world.chat(model, say);
        world.calm(model);
        expect(codeOf(alone)).toBe('502 provider_error');
        world.agrees(await world.behind(alone));
      },
    })),
  ),
  {
    title: '#14 a picture and a sound that are cut short: no output, the bill in the book, nothing charged',
    run: async (world) => {
      const replicate = world.simulators.simulators.get('replicate')!;
      replicate.fail('truncated:400', { method: 'GET', path: '/files/', times: 9 });
      const picture = await world.make(flux, 'a lamp that is cut', { format: 'png' });
      world.calm(flux);
      expect(codeOf(picture)).toBe('502 invalid_output');
      wasted(world, await world.behind(picture));
      const speech = 'openai/gpt-4o-mini-tts';
      world.fail(speech, 'truncated:3000');
      const sound = await world.make(speech, 'a voice that is cut in the middle of its words', { format: 'wav' });
      expect(codeOf(sound)).toMatch(/^502 (invalid_output|stream_interrupted)$/);
      const silence = await world.behind(sound);
      expect(silence).toMatchObject({ status: 'failed', outputs: [], attempts: [{ state: 'settled' }] });
      expect(world.sent(stringAt(silence, 'id')!)).toHaveLength(1);
      expect(world.agrees(silence)).toBeGreaterThan(0n);
    },
  },
  ...['empty-image', 'bad-image'].map((fault) => ({
    title: `#25 a 200 whose picture is none (${fault}): failed, the provider's bill in the book, nothing charged`,
    run: async (world: World) => {
      for (const model of ['openai/gpt-image-2', 'google/gemini-3.1-flash-image']) {
        world.fail(model, fault);
        const answer = await world.make(model, image.input, model.startsWith('openai') ? image : {});
        expect(codeOf(answer), model).toBe('502 invalid_output');
        wasted(world, await world.behind(answer));
        expect((await world.make(model, 'a lamp')).status).toBe(200);
      }
    },
  })),
  ...lanes.map(([lane, model]) => ({
    title: `#26 a page in place of an answer (${lane}): 502, and nothing of the page is shown`,
    run: async (world: World) => {
      for (const [fault, stream] of [
        ['garbage', false],
        ['garbage', true],
        ['edge:502', false],
        ['content-type:text/html', true],
      ] as const) {
        world.fail(model, fault, { times: 3 });
        const answer = await world.chat(model, say, { stream });
        world.calm(model);
        expect(codeOf(answer), fault).toMatch(/^502 provider_(garbage|error)$/);
        expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
        expect(answer.text).not.toMatch(/doctype|<title|gateway time-out/i);
        const generation = await world.behind(answer);
        expect(JSON.stringify(generation)).not.toMatch(/doctype|<title/i);
        world.agrees(generation);
        expect((await world.chat(model, say)).status).toBe(200);
      }
    },
  })),
  ...lanes.map(([lane, model]) => ({
    title: `#27 packed bytes that are none, and a few that unpack to far too many (${lane}): an error, and all goes on`,
    run: async (world: World) => {
      for (const fault of ['bad-gzip', 'gzip-bomb:96']) {
        world.fail(model, fault);
        const answer = await world.chat(model, say, { route: { attempts: 1 } });
        expect(codeOf(answer), fault).toMatch(/^50[24] (provider_garbage|outcome_unknown|provider_timeout)$/);
        const generation = await world.behind(answer);
        world.agrees(generation);
        const [call] = world.sent(stringAt(generation, 'id')!);
        // workerd unpacks: what is too large is not read to its end.
        if (world.runtime === 'workerd' && fault !== 'bad-gzip') expect(call!.answerBytes).toBeLessThan(72 << 20);
        expect((await world.chat(model, say)).status).toBe(200);
      }
    },
  })),
  {
    title: '#29 a redirect of a provider is followed by nobody: text, pictures, jobs',
    run: async (world) => {
      const trap = `${world.relay.url}/latest/meta-data/`;
      for (const [model, path, body] of [
        ['openai/gpt-4o', '/v1/chat/completions', { messages: [{ role: 'user', content: say }] }],
        ['openai/gpt-4o', '/v1/chat/completions', { messages: [{ role: 'user', content: say }], stream: true }],
        ['openai/gpt-image-2', '/v1/generations', image],
        [flux, '/v1/generations', { input: 'a lamp' }],
      ] as const) {
        world.fail(model, `redirect:${trap}`, { times: 3, model: model.split('/').at(-1)! });
        const answer = await world.post(path, { model, ...body });
        world.calm(model);
        expect(answer.status, answer.text).toBe(502);
        world.agrees(await world.behind(answer));
      }
      expect(world.relay.strays).toEqual([]);
    },
  },
  {
    title: '#29 a redirect of the host of an output is not followed to a private place, nor is the output made again',
    run: async (world) => {
      const replicate = world.simulators.simulators.get('replicate')!;
      replicate.fail(`redirect:${world.relay.url}/latest/meta-data/`, { method: 'GET', path: '/files/', times: 9 });
      const answer = await world.make(flux, 'a lamp at sea');
      world.calm(flux);
      expect(codeOf(answer)).toBe('502 invalid_output');
      wasted(world, await world.behind(answer));
      expect(world.relay.strays).toEqual([]);
    },
  },
  {
    title: '#30 the address of an output has expired: fetched again, never made again, the bill in the book',
    run: async (world) => {
      const answer = await world.make(flux, '[[expired]] a lamp');
      expect(codeOf(answer)).toBe('502 invalid_output');
      wasted(world, await world.behind(answer));
      world.simulators.simulators.get('replicate')!.fail('status:503', { method: 'GET', path: '/files/' });
      const again = await world.make(flux, 'a lamp that is fetched twice');
      expect(again.status, again.text).toBe(200);
      const generation = await world.behind(again);
      expect(world.sent(stringAt(generation, 'id')!)).toHaveLength(1);
      expect(world.agrees(generation)).toBeGreaterThan(0n);
    },
  },
  {
    title: '#30 an output is in our own store before its job is done: it outlives the address of its provider',
    run: async (world) => {
      const answer = await world.make(flux, 'a lamp that stays');
      expect(answer.status, answer.text).toBe(200);
      const generation = await world.behind(answer);
      const url = new URL(stringAt(generation, 'outputs', 0, 'url')!);
      const replicate = world.simulators.simulators.get('replicate')!;
      replicate.fail('status:410', { method: 'GET', times: 99 });
      const kept = await until('the output', async () => {
        const found = await fetch(world.url + url.pathname + url.search);
        return found.status === 200 ? new Uint8Array(await found.arrayBuffer()) : undefined;
      });
      world.calm(flux);
      expect(kept.length).toBe(at(generation, 'outputs', 0, 'bytes'));
    },
  },
];
