import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Event, GatewayError, type Part, type TextAnswer } from '../../src/contract/index.ts';
import { foldEvents, grow, inSequence, openPart, unfoldAnswer } from '../../src/dialects/fold.ts';
import {
  collect,
  counts,
  each,
  id,
  image,
  json,
  reasoningPart,
  refusalPart,
  text,
  textPart,
  toolCall,
  word,
} from './arbitrary.ts';

const opaque = json.map((data) => ({ owner: 'gemini' as const, data }));
const annotated: fc.Arbitrary<Part> = fc
  .record(
    { text: fc.oneof(text, fc.constant('')), annotations: fc.array(json, { maxLength: 2 }), opaque },
    { requiredKeys: ['text'], noNullPrototype: true },
  )
  .map((part) => ({ type: 'text', ...part }));
const thinking: fc.Arbitrary<Part> = fc
  .record({ text, redacted: fc.boolean(), opaque }, { requiredKeys: ['text'], noNullPrototype: true })
  .map((part) => ({ type: 'reasoning', ...part }));
const part = fc.oneof(
  textPart,
  annotated,
  thinking,
  reasoningPart,
  refusalPart,
  toolCall,
  image,
  json.map((data): Part => ({ type: 'other', dialect: 'gemini', data })),
);
const logprobs = fc.array(json, { maxLength: 3 }).map((content) => ({ content, refusal: null }));
const choice = fc.record(
  {
    parts: fc.array(part),
    finish: fc.constantFrom('stop', 'length', 'tool_calls', 'refusal' as const),
    rawFinish: word,
    logprobs,
  },
  { requiredKeys: ['parts', 'finish'], noNullPrototype: true },
);
const answer = fc.record(
  {
    id,
    model: word,
    created: fc.nat(),
    choices: fc.array(choice, { minLength: 1, maxLength: 3 }),
    counts,
    rawUsage: json,
    extra: json.map((params) => ({ dialect: 'openai-chat' as const, params })),
  },
  { requiredKeys: ['choices'], noNullPrototype: true },
) as fc.Arbitrary<TextAnswer>;

describe('foldEvents', () => {
  test('an answer unfolded and folded is itself', async () => {
    await fc.assert(
      fc.asyncProperty(answer, async (value) => {
        expect(await foldEvents(unfoldAnswer(value))).toEqual(value);
      }),
    );
  });

  test('folding changes no event', async () => {
    await fc.assert(
      fc.asyncProperty(answer, async (value) => {
        const events = unfoldAnswer(value);
        const before = JSON.stringify(events);
        await foldEvents(each(events));
        expect(JSON.stringify(events)).toBe(before);
      }),
    );
  });

  test('a stream without finish is interrupted', async () => {
    const events: Event[] = [{ type: 'start' }, { type: 'part_start', index: 0, part: { type: 'text', text: 'Hel' } }];
    await expect(foldEvents(events)).rejects.toMatchObject({ code: 'stream_interrupted' });
    await expect(foldEvents([])).rejects.toMatchObject({ code: 'stream_interrupted' });
    const second: Event[] = [
      ...events,
      { type: 'finish', reason: 'stop' },
      { type: 'part_start', index: 1, choice: 1, part: { type: 'text', text: '' } },
    ];
    await expect(foldEvents(second)).rejects.toMatchObject({ code: 'stream_interrupted' });
  });

  test('an error event is thrown as it is', async () => {
    const error = new GatewayError('provider_overloaded', 'Too busy.');
    await expect(foldEvents([{ type: 'start' }, { type: 'error', error }])).rejects.toBe(error);
  });

  test('later usage wins field by field', async () => {
    const folded = await foldEvents([
      { type: 'usage', counts: { input: 10, output: 1 }, raw: { input_tokens: 10, cache: { a: 1 } } },
      { type: 'usage', counts: { output: 7 }, raw: { output_tokens: 7, cache: { b: 2 } } },
      { type: 'finish', reason: 'stop' },
    ]);
    expect(folded.counts).toEqual({ input: 10, output: 7 });
    expect(folded.rawUsage).toEqual({ input_tokens: 10, output_tokens: 7, cache: { a: 1, b: 2 } });
  });
});

test('a part is its opening and what grows in it', () => {
  fc.assert(
    fc.property(part, (whole) => {
      const { part: opened, deltas } = openPart(whole);
      const grown = structuredClone(opened);
      for (const delta of deltas) grow(grown, delta);
      expect(grown).toEqual(whole);
    }),
  );
});

describe('inSequence', () => {
  const start = (index: number): Event => ({
    type: 'part_start',
    index,
    part: { type: 'tool_call', id: `c${index}`, name: 'f', arguments: '' },
  });
  const delta = (index: number, more: string): Event => ({ type: 'part_delta', index, delta: { arguments: more } });
  const end = (index: number): Event => ({ type: 'part_end', index });

  test('interleaved parts come one after the other', async () => {
    const events = [
      start(0),
      start(1),
      delta(1, 'b'),
      delta(0, 'a'),
      delta(1, 'B'),
      end(0),
      delta(1, '!'),
      end(1),
      { type: 'finish', reason: 'tool_calls' } as Event,
    ];
    const ordered = await collect(inSequence(each(events)));
    expect(ordered).toEqual([
      start(0),
      delta(0, 'a'),
      end(0),
      start(1),
      delta(1, 'b'),
      delta(1, 'B'),
      delta(1, '!'),
      end(1),
      events.at(-1),
    ]);
  });

  test('parts still open at the end are closed, and the answer stays the same', async () => {
    const indexes = fc.array(fc.nat({ max: 3 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(indexes, async (order) => {
        const events: Event[] = [
          start(0),
          start(1),
          start(2),
          start(3),
          ...order.map((index, step) => delta(index, `${step},`)),
          { type: 'finish', reason: 'tool_calls' },
        ];
        const ordered = await collect(inSequence(each(events)));
        expect(await foldEvents(ordered)).toEqual(await foldEvents(events));
        let open: number | undefined;
        for (const event of ordered) {
          if (event.type === 'part_start') {
            expect(open).toBeUndefined();
            open = event.index;
          } else if (event.type === 'part_delta') expect(event.index).toBe(open);
          else if (event.type === 'part_end') open = undefined;
        }
        expect(open).toBeUndefined();
      }),
    );
  });
});
