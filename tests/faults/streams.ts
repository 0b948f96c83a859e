import { expect } from 'vitest';
import { stringAt } from '../../src/contract/index.ts';
import { framesOf } from '../http/doors.ts';
import { heard as heardIn } from '../http/two-providers.ts';
import { attemptsOf, codeOf, deadlines, type Scenario, second, type World } from '../support/fault-world.ts';

const words = 'one two three four five six seven eight nine ten eleven twelve';
const say = `Say exactly: ${words}`;
const colours = 'grün 🎨 und 日本語 — naïve, façade 👩‍🎨 zwölf Boxkämpfer jagen Viktor';

/** Straight where door and provider speak the same dialect, crossed elsewhere. */
const lanes = [
  ['straight', 'openai/gpt-5.6-luna'],
  ['crossed', 'anthropic/claude-haiku-5-5'],
] as const;

/** Models that have not failed so often before that they are set aside. */
const patient = [
  ['straight', 'openai/gpt-5.4'],
  ['crossed', 'google/gemini-3.8-flash'],
] as const;

/** Asks for a stream that goes wrong, and reads all of it. */
async function listen(world: World, model: string, fault: string, text = say, more = {}) {
  const answer = await world.chat(model, `[[fault:${fault}]] ${text}`, { stream: true, ...more });
  return { answer, said: heard(answer.text), generation: await world.behind(answer) };
}

/** Lines may end in three ways. */
const heard = (text: string) => heardIn(text.replace(/\r\n?/g, '\n').replace(/^\ufeff/, ''));

const each = (about: (lane: string, model: string) => Scenario): Scenario[] =>
  lanes.map(([lane, model]) => about(lane, model));

/** The stream arrived whole, and cost what was billed. */
async function arrives(world: World, model: string, fault: string, text = words): Promise<void> {
  const { answer, said, generation } = await listen(world, model, fault, `Say exactly: ${text}`);
  expect(answer.status, answer.text).toBe(200);
  expect(said, fault).toMatchObject({ text, done: true, error: undefined });
  expect(generation).toMatchObject({ status: 'completed', receipt: { status: 'priced' } });
  expect(attemptsOf(generation)).toHaveLength(1);
  expect(world.agrees(generation)).toBeGreaterThan(0n);
}

/**
 * The stream broke, is told as broken, and what was delivered is booked. An answer that has told its own end is whole: only its marker
 * is missing.
 */
async function breaks(world: World, model: string, fault: string, unless?: 'unless whole'): Promise<void> {
  const { answer, said, generation } = await listen(world, model, fault);
  if (unless && said.finish === 'stop') {
    expect(said, fault).toMatchObject({ text: words, done: true, error: undefined });
    if (stringAt(generation, 'receipt', 'status') === 'priced') world.agrees(generation);
    else expect(generation).toMatchObject({ receipt: { status: 'priced_estimated' } });
    return;
  }
  if (answer.status === 200) expect(said.error, `${fault} ${answer.text}`).toMatch(/stream_interrupted|provider_/);
  else expect(codeOf(answer), fault).toMatch(/^50[24] (stream_interrupted|outcome_unknown|provider_\w+)$/);
  expect(said.done, `${fault} ${answer.text}`).toBe(false);
  expect(words.startsWith(said.text), said.text).toBe(true);
  expect(generation).toMatchObject({ status: 'failed' });
  world.agrees(generation);
}

export const streams: Scenario[] = [
  ...each((lane, model) => ({
    title: `#13 reset in the middle of a stream (${lane}): an in-band error, what came is booked, nobody else is asked`,
    run: async (world) => {
      const answer = await world.pair(model, `[[fault:reset:6]] ${say}`, { stream: true });
      const said = heard(answer.text);
      expect(said).toMatchObject({ done: false, error: 'stream_interrupted' });
      expect(said.text).not.toBe('');
      expect(words.startsWith(said.text)).toBe(true);
      const generation = await world.behind(answer);
      expect(world.sent(stringAt(generation, 'id')!)).toHaveLength(1);
      expect(attemptsOf(generation)).toMatchObject([{ state: 'settled', outcome: 'stream_interrupted' }]);
      expect(world.agrees(generation)).toBeGreaterThan(0n);
    },
  })),
  ...each((lane, model) => ({
    title: `#13 reset at any byte of a stream (${lane}): never taken for whole, and each time booked as billed`,
    run: async (world) => {
      const whole = await world.chat(model, say, { stream: true });
      expect(heard(whole.text).done).toBe(true);
      const sent = world.sent(whole.headers.get('x-atelier-generation')!)[0]!;
      const end = sent.answerBytes;
      expect(end).toBeGreaterThan(1_000);
      const step = Math.ceil(end / 16);
      const places = Array.from({ length: 16 }, (_, place) => 1 + place * step).filter((place) => place < end - 40);
      await Promise.all(places.map((place) => breaks(world, model, `reset-bytes:${place}`, 'unless whole')));
    },
  })),
  ...each((lane, model) => ({
    title: `#14 a stream that is cut short and ends cleanly (${lane}): no end without its marker`,
    run: async (world) => {
      for (const fault of ['truncated:900', 'truncated:1500', 'cut:5', 'fin-bytes:900', 'bad-chunk:900']) {
        await breaks(world, model, fault);
      }
    },
  })),
  ...each((lane, model) => ({
    title: `#14 a plain answer that is cut short and ends cleanly (${lane}): no answer`,
    run: async (world) => {
      for (const fault of ['truncated:200', 'half-json', 'cut-bytes:100']) {
        const answer = await world.chat(model, `[[fault:${fault}]] ${say}`);
        expect(codeOf(answer), fault).toBe('502 provider_garbage');
        const generation = await world.behind(answer);
        expect(generation).toMatchObject({ status: 'failed' });
        expect(world.agrees(generation), fault).toBeGreaterThan(0n);
      }
    },
  })),
  ...patient.map(([lane, model]) => ({
    waits: true as const,
    title: `#15 silence before the headers (${lane}): over after the time to the first byte, somebody else answers`,
    run: async (world: World) => {
      world.fail(model, 'stall');
      const began = Date.now();
      const answer = await world.pair(model, say);
      expect(answer.headers.get('x-atelier-model'), answer.text).toBe(second);
      const took = Date.now() - began;
      expect(took).toBeGreaterThanOrEqual(deadlines.first - 50);
      expect(took).toBeLessThan(deadlines.first + 1_500);
      const generation = await world.behind(answer);
      expect(attemptsOf(generation)).toMatchObject([
        { outcome: 'provider_timeout', failure: 'C' },
        { outcome: 'succeeded' },
      ]);
      world.agrees(generation);
    },
  })),
  ...each((lane, model) => ({
    waits: true,
    title: `#16 a stream that pauses is no silent one (${lane}): every chunk begins the idle time anew`,
    run: async (world) => {
      const began = Date.now();
      await arrives(world, model, 'pace:250', 'one two three four five six');
      expect(Date.now() - began).toBeGreaterThan(deadlines.idle * 1.4);
    },
  })),
  ...each((lane, model) => ({
    waits: true,
    title: `#16 a stream that falls silent (${lane}): an in-band error after the idle time, what came is booked`,
    run: async (world) => {
      const began = Date.now();
      await breaks(world, model, 'stall-after:6');
      expect(Date.now() - began).toBeLessThan(deadlines.idle + 2_000);
    },
  })),
  ...each((lane, model) => ({
    waits: true,
    title: `#17 a stream that never ends (${lane}): over at the deadline of the whole call, the provider stopped`,
    run: async (world) => {
      const began = Date.now();
      const id = stringAt(await dripped(world, model, true), 'id')!;
      expect(Date.now() - began).toBeLessThan(deadlines.total + 2_000);
      expect(world.sent(id).map(({ outcome }) => outcome)).toEqual(['aborted']);
    },
  })),
];

/** One byte after the other, alive for longer than any call may take. */
async function dripped(world: World, model: string, stream: boolean) {
  const answer = await world.chat(model, `[[fault:drip:20]] ${say}`, { stream });
  expect(heard(answer.text).done).toBe(false);
  if (answer.status === 200) expect(heard(answer.text).error, answer.text).toBe('stream_interrupted');
  else expect(codeOf(answer)).toMatch(/^50[24] (provider_timeout|outcome_unknown)$/);
  const generation = await world.behind(answer);
  expect(generation).toMatchObject({ status: 'failed' });
  world.agrees(generation);
  return generation;
}

export const events: Scenario[] = [
  ...each((lane, model) => ({
    title: `#18 event streams in every form that the standard allows (${lane}): read whole`,
    run: async (world) => {
      for (const fault of [
        'sse-cr',
        'sse-crlf',
        'sse-bom',
        'sse-no-space',
        'sse-comments',
        'sse-ids',
        'sse-long-line:1024',
      ]) {
        await arrives(world, model, fault);
      }
    },
  })),
  ...each((lane, model) => ({
    title: `#18 a line without end, or events without blank lines (${lane}): an error, never taken for whole`,
    run: async (world) => {
      await breaks(world, model, 'sse-long-line:17000');
      await breaks(world, model, 'sse-no-blank');
    },
  })),
  ...patient.map(([lane, model]) => ({
    title: `#19 an event that is no JSON (${lane}): left out where others stand behind it, and nothing crashes`,
    run: async (world: World) => {
      const good = await world.pair(model, say, { stream: true });
      const pieces = framesOf(good.text).map((frame) => stringAt(frame, 'choices', 0, 'delta', 'content') ?? '');
      expect(pieces.join('')).toBe(words);
      world.fail(model, 'bad-event:4');
      const answer = await world.pair(model, say, { stream: true });
      const said = heard(answer.text);
      expect(said, answer.text).toMatchObject({ done: true, error: undefined });
      expect(said.text).not.toBe(words);
      const withoutOne = pieces.map((_, place) => pieces.toSpliced(place, 1).join(''));
      expect(withoutOne).toContain(said.text);
      world.agrees(await world.behind(answer));
      expect((await world.chat(model, say)).status).toBe(200);
    },
  })),
  ...each((lane, model) => ({
    title: `#20 characters that are split between chunks (${lane}): whole letters arrive`,
    run: async (world) => {
      for (const size of [1, 3]) await arrives(world, model, `split:${size}`, colours);
    },
  })),
  ...each((lane, model) => ({
    title: `#21 an event in many chunks, many events in one (${lane}): the same answer`,
    run: async (world) => {
      for (const fault of ['split:1', 'split:64', 'merge']) await arrives(world, model, fault);
    },
  })),
  ...each((lane, model) => ({
    title: `#22 no usage at the end (${lane}): booked by own count, as estimated`,
    run: async (world) => {
      const { answer, said, generation } = await listen(world, model, 'usage-missing');
      expect(said, answer.text).toMatchObject({ text: words, done: true, error: undefined });
      expect(generation).toMatchObject({ status: 'completed', receipt: { status: 'priced_estimated' } });
      expect(Number(stringAt(generation, 'receipt', 'total'))).toBeGreaterThan(0);
      expect(attemptsOf(generation)).toMatchObject([{ state: 'settled', cost_status: 'priced_estimated' }]);
    },
  })),
  ...each((lane, model) => ({
    title: `#23 the usage is told twice (${lane}): booked once`,
    run: (world) => arrives(world, model, 'usage-twice'),
  })),
  ...each((lane, model) => ({
    title: `#23 a second usage that is smaller (${lane}): the last one counts, once`,
    run: async (world) => {
      const full = await world.behind(await world.chat(model, say, { stream: true }));
      const { said, generation } = await listen(world, model, 'usage-decreasing');
      expect(said).toMatchObject({ text: words, done: true });
      expect(generation).toMatchObject({ status: 'completed' });
      expect(attemptsOf(generation)).toHaveLength(1);
      const total = Number(stringAt(generation, 'receipt', 'total'));
      expect(total).toBeGreaterThan(0);
      expect(total).toBeLessThan(Number(stringAt(full, 'receipt', 'total')));
    },
  })),
];
