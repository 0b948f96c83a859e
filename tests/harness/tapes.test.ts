import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import Replicate from 'replicate';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../providers/simulators/clock.ts';
import { replayer } from '../../providers/simulators/replay.ts';
import { type SimulatorServer, startSimulators } from '../../providers/simulators/server.ts';
import type { Listening } from '../../providers/simulators/standalone/listen.ts';
import { startRecorder, startReplay, tapeFolder } from '../../providers/simulators/standalone/tapes.ts';
import { driftOfFolder } from '../../providers/simulators/standalone/tapes-cli.ts';
import { fingerprintOf, type Tape, withoutSecrets } from '../../providers/simulators/tape.ts';
import { startGateway } from '../support/gateway.ts';
import { hasSpecs, sharedFolder } from '../support/spec.ts';

const key = 'sk-proj-0123456789abcdefghij';
const messages = [{ role: 'user' as const, content: 'Say exactly: the lamp is lit' }];
const chat = { model: 'gpt-5.5', messages };

let vendor: SimulatorServer;
let folder: string;
const open: Listening[] = [];
const kept = <T extends Listening>(server: T): T => {
  open.push(server);
  return server;
};

beforeAll(async () => {
  vendor = await startSimulators({ now: () => Date.UTC(2026, 10, 22, 12) });
  folder = mkdtempSync(join(tmpdir(), 'atelier-tapes-'));
});
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});
afterAll(async () => {
  await vendor.close();
  rmSync(folder, { recursive: true, force: true });
});

/** One of everything, as an app would ask. */
async function useOpenai(base: string) {
  const client = new OpenAI({ apiKey: key, baseURL: `${base}/openai/v1`, maxRetries: 0 });
  const plain = await client.chat.completions.create(chat);
  const pieces: string[] = [];
  for await (const chunk of await client.chat.completions.create({ ...chat, stream: true })) {
    pieces.push(chunk.choices[0]?.delta.content ?? '');
  }
  const image = await client.images.generate({
    model: 'gpt-image-2',
    prompt: 'a lamp',
    size: '1024x1024',
    quality: 'low',
  });
  const speech = await client.audio.speech.create({ model: 'gpt-4o-mini-tts', voice: 'coral', input: 'the lamp' });
  const refused = await client.chat.completions
    .create({ ...chat, model: 'no-such-model' })
    .catch((thrown) => thrown.status);
  const sound = Buffer.from(await speech.arrayBuffer()).toString('base64');
  return { plain, text: pieces.join(''), image: image.data?.[0]?.b64_json, sound, refused };
}

async function useReplicate(base: string) {
  const client = new Replicate({
    auth: 'r8_0123456789abcdefghij',
    baseUrl: `${base}/replicate/v1`,
    useFileOutput: false,
  });
  const made = await client.predictions.create({
    model: 'black-forest-labs/flux-schnell',
    input: { prompt: 'a lamp' },
  });
  const states = [made.status];
  let seen = made;
  while (seen.status !== 'succeeded') {
    seen = await client.predictions.get(made.id);
    states.push(seen.status);
  }
  const file = (seen.output as string[])[0]!;
  return {
    states,
    file: Buffer.from(await (await fetch(file)).arrayBuffer())
      .toString('base64')
      .slice(0, 400),
  };
}

describe('record and replay', () => {
  it('answers from tapes as the vendor did, without its secrets, again and in parallel', async () => {
    const recording = kept(await startRecorder({ provider: 'openai', to: `${vendor.url}/openai`, folder }));
    const said = await useOpenai(recording.url);
    expect(said).toMatchObject({ text: 'the lamp is lit', refused: 404 });
    const files = readdirSync(folder);
    expect(files.filter((name) => name.endsWith('.json'))).toHaveLength(5);
    expect(readdirSync(join(folder, 'media'))).toHaveLength(2);
    const all = files.filter((name) => name.endsWith('.json')).map((name) => readFileSync(join(folder, name), 'utf8'));
    expect(all.join()).not.toContain(key);
    expect(all.join()).not.toMatch(/bearer/i);

    const before = vendor.journal.entries.length;
    const playing = kept(await startReplay({ folder }));
    const [one, other] = await Promise.all([useOpenai(playing.url), useOpenai(playing.url)]);
    expect(one).toEqual(said);
    expect(other).toEqual(said);
    expect(vendor.journal.entries).toHaveLength(before);
    const unknown = new OpenAI({ apiKey: key, baseURL: `${playing.url}/openai/v1`, maxRetries: 0 });
    await expect(unknown.chat.completions.create({ ...chat, seed: 5 })).rejects.toMatchObject({
      status: 404,
      type: 'not_recorded',
    });
  });

  it('follows a job: the same question, in turn another answer; files come through the recorder', async () => {
    const own = mkdtempSync(join(tmpdir(), 'atelier-tapes-'));
    const recording = kept(await startRecorder({ provider: 'replicate', to: `${vendor.url}/replicate`, folder: own }));
    const said = await useReplicate(recording.url);
    expect(said.states.at(-1)).toBe('succeeded');
    expect(said.states.length).toBeGreaterThan(2);
    const before = vendor.journal.entries.length;
    const playing = kept(await startReplay({ folder: own }));
    expect(await useReplicate(playing.url)).toEqual(said);
    expect(vendor.journal.entries).toHaveLength(before);
    rmSync(own, { recursive: true });
  });

  it('works through the gateway: the receipt of a replayed answer is that of the recorded one', async () => {
    const own = mkdtempSync(join(tmpdir(), 'atelier-tapes-'));
    const ask = async (base: string) => {
      const gateway = await startGateway({ OPENAI_API_KEY: key, OPENAI_BASE_URL: `${base}/openai/v1` });
      const answer = await fetch(`${gateway.url}/v1/generations`, {
        method: 'POST',
        headers: { authorization: `Bearer ${gateway.appKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'openai/gpt-image-2', input: 'a lamp', size: '1024x1024', quality: 'low' }),
      });
      const { outputs, receipt, status } = (await answer.json()) as Record<string, never> & {
        outputs: { sha256: string }[];
        receipt: { total: string; lines: unknown };
      };
      await gateway.close();
      return { status, sha256: outputs[0]!.sha256, total: receipt.total, lines: receipt.lines };
    };
    const recording = kept(await startRecorder({ provider: 'openai', to: `${vendor.url}/openai`, folder: own }));
    const said = await ask(recording.url);
    expect(said).toMatchObject({ status: 'completed', total: expect.stringMatching(/^0\.0\d+/) });
    const before = vendor.journal.entries.length;
    expect(await ask(kept(await startReplay({ folder: own })).url)).toEqual(said);
    expect(vendor.journal.entries).toHaveLength(before);
    rmSync(own, { recursive: true });
  });

  it('keeps the recorded time between chunks where it is asked to', async () => {
    const clock = new VirtualClock({ start: 0, auto: true });
    const body = new TextEncoder().encode('{}');
    const tape: Tape = {
      version: 1,
      provider: 'openai',
      fingerprint: fingerprintOf('openai', 'POST', '/v1/x', 'application/json', body),
      turn: 0,
      request: { method: 'POST', path: '/v1/x', headers: {}, body: { json: {} } },
      answer: {
        status: 200,
        headers: {},
        body: { text: 'abcdef' },
        chunks: [
          [2, 100],
          [3, 350],
          [1, 900],
        ],
      },
    };
    const play = replayer({ tapes: [tape], shelf: tapeFolder(folder).shelf, clock });
    const answer = await play('http://127.0.0.1/openai/v1/x', { method: 'POST', body });
    const seen: [string, number][] = [];
    for await (const chunk of answer.body!) seen.push([new TextDecoder().decode(chunk), clock.now()]);
    expect(seen).toEqual([
      ['ab', 100],
      ['cde', 350],
      ['f', 900],
    ]);
  });

  it('knows a call again whatever the order of keys, the boundary of a form or the key that paid', () => {
    const print = (body: string, type = 'application/json', path = '/v1/x') =>
      fingerprintOf('openai', 'POST', path, type, new TextEncoder().encode(body));
    expect(print('{"a":1,"b":{"c":2,"d":3}}')).toBe(print('{"b":{"d":3,"c":2},"a":1}'));
    expect(print('{"a":1}')).not.toBe(print('{"a":2}'));
    expect(print('--x1\r\nhi\r\n--x1--', 'multipart/form-data; boundary=x1')).toBe(
      print('--y22\r\nhi\r\n--y22--', 'multipart/form-data; boundary=y22'),
    );
    expect(print('{}', 'application/json', '/v1/x?key=AAA')).toBe(print('{}', 'application/json', '/v1/x?key=BBB'));
  });

  it.each([
    'sk-ant-api03-0123456789abcdef',
    'r8_0123456789abcdefgh',
    'gsk_0123456789abcdefgh',
    `AIza${'x'.repeat(35)}`,
    'Bearer abcdefghijk',
    'https://files.example/a.png?X-Amz-Signature=0123&x=1',
    'eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl',
  ])('takes %s for a secret', (text) => {
    expect(withoutSecrets(`before ${text} after`)).toMatch(/^before .*\*\*\*.* after$/);
    expect(withoutSecrets(`before ${text} after`)).not.toContain('0123456789abcdef');
  });

  it('takes away what this very call carried, whatever it looks like', () => {
    expect(withoutSecrets('the password is hunter2!', ['hunter2!'])).toBe('the password is ***');
    expect(withoutSecrets('a sketch of sk-ies and tasks')).toBe('a sketch of sk-ies and tasks');
  });
});

describe('drift', () => {
  it('there is none between a simulator and itself, nor against the description', async () => {
    const drifts = await driftOfFolder(folder, hasSpecs ? join(sharedFolder, 'specs') : undefined);
    expect(drifts).toEqual([]);
  });

  it('names fields that came, went or changed, and what the description forbids', async () => {
    const own = mkdtempSync(join(tmpdir(), 'atelier-tapes-'));
    const plain = readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Tape)
      .find(
        ({ request, answer }) => request.path === '/v1/chat/completions' && !answer.chunks && answer.status === 200,
      )!;
    const { usage: _, ...body } = (plain.answer.body as { json: Record<string, unknown> }).json;
    const changed = { ...body, created: 'today', mood: 'fine' };
    const answer = { ...plain.answer, status: 201, body: { json: changed } };
    writeFileSync(join(own, 'openai-changed-0.json'), JSON.stringify({ ...plain, answer }));
    const what = (await driftOfFolder(own)).map((drift) => drift.what);
    expect(what).toEqual(
      expect.arrayContaining([
        'status: recorded 201, simulated 200',
        '/created: recorded string, simulated number',
        '/mood: recorded string, not simulated',
        '/usage: simulated, not recorded',
      ]),
    );
    writeFileSync(join(own, 'openai-changed-0.json'), JSON.stringify({ ...plain, answer: { ...answer, status: 200 } }));
    if (hasSpecs) {
      const checked = await driftOfFolder(own, join(sharedFolder, 'specs'));
      expect(checked.map((drift) => drift.what).filter((one) => /description/.test(one))).toEqual([
        'recorded answer against the description: /created must be integer',
      ]);
    }
    rmSync(own, { recursive: true });
  });
});
