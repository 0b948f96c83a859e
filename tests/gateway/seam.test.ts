import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Event } from '../../src/contract/index.ts';
import { foldEvents } from '../../src/dialects/fold.ts';
import { Seam } from '../../src/gateway/seam.ts';

const said = (pieces: string[]): Event[] => [
  { type: 'start', id: 'x', model: 'm' },
  { type: 'part_start', index: 0, part: { type: 'text', text: '' } },
  ...pieces.map((text): Event => ({ type: 'part_delta', index: 0, delta: { text } })),
];
const ends: Event[] = [
  { type: 'part_end', index: 0 },
  { type: 'finish', reason: 'stop' },
];

/** What a client has of one stream that broke off and another that went on. */
async function joined(first: Event[], second: Event[]) {
  const seam = new Seam();
  const events = first.flatMap((event) => seam.pass(event));
  seam.resume();
  events.push(...second.flatMap((event) => seam.pass(event)));
  return { events, seam, answer: await foldEvents(events) };
}
const textOf = (answer: Awaited<ReturnType<typeof joined>>['answer']) =>
  answer.choices[0]!.parts.map((part) => (part.type === 'text' ? part.text : `<${part.type}>`)).join('');

describe('seam', () => {
  const whole =
    'The lighthouse stood at the end of the pier, and its lamp went round and round until the morning came.';

  it('joins what goes on, wherever it was cut and however it comes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: whole.length }),
        fc.integer({ min: 1, max: 30 }),
        async (cut, size) => {
          const rest = whole.slice(cut).match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
          const { answer, events } = await joined(said([whole.slice(0, cut)]), [...said(rest), ...ends]);
          expect(textOf(answer)).toBe(whole);
          expect(events.filter((event) => event.type === 'part_start')).toHaveLength(1);
          expect(events.filter((event) => event.type === 'part_end')).toHaveLength(1);
        },
      ),
    );
  });

  it('skips what is said again from the beginning', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: whole.length }),
        fc.integer({ min: 1, max: 30 }),
        async (cut, size) => {
          const again = whole.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
          const { answer } = await joined(said([whole.slice(0, cut)]), [...said(again), ...ends]);
          expect(textOf(answer)).toBe(whole);
        },
      ),
    );
  });

  it('skips the last words where they are repeated', async () => {
    const cut = whole.indexOf(' pier');
    const { answer } = await joined(said([whole.slice(0, cut)]), [...said([whole.slice(cut - 15)]), ...ends]);
    expect(textOf(answer)).toBe(whole);
  });

  it('refuses another answer that begins anew: no doubled text is passed on', async () => {
    const other = `${whole.slice(0, 80)}until the keeper slept, which was a pity for all the ships.`;
    await expect(joined(said([whole]), [...said([other]), ...ends])).rejects.toMatchObject({
      code: 'stream_interrupted',
    });
  });

  it('ends thoughts that were under way, and leaves out those of the second model', async () => {
    const thinking: Event[] = [
      { type: 'start' },
      { type: 'part_start', index: 0, part: { type: 'reasoning', text: 'Hm' } },
      { type: 'part_delta', index: 0, delta: { text: 'm' } },
    ];
    const before = await joined(thinking, [...said(['Yes.']), ...ends]);
    expect(before.answer.choices[0]!.parts).toMatchObject([{ type: 'reasoning', text: 'Hmm' }, { text: 'Yes.' }]);

    const second: Event[] = [
      { type: 'part_start', index: 0, part: { type: 'reasoning', text: 'Where was I' } },
      { type: 'part_end', index: 0 },
      { type: 'part_start', index: 1, part: { type: 'text', text: '' } },
      { type: 'part_delta', index: 1, delta: { text: ' and gone.' } },
      { type: 'part_end', index: 1 },
      { type: 'finish', reason: 'stop' },
    ];
    expect(textOf((await joined(said(['Here']), second)).answer)).toBe('Here and gone.');
  });

  it('a call may follow the text, and what has decided something is not gone on with', async () => {
    const call: Event[] = [
      { type: 'part_start', index: 0, part: { type: 'tool_call', id: 'c', name: 'look', arguments: '' } },
      { type: 'part_delta', index: 0, delta: { arguments: '{}' } },
      { type: 'part_end', index: 0 },
      { type: 'finish', reason: 'tool_calls' },
    ];
    const { answer, seam } = await joined(said(['I look.']), call);
    expect(answer.choices[0]!.parts).toMatchObject([
      { type: 'text', text: 'I look.' },
      { type: 'tool_call', arguments: '{}' },
    ]);
    expect(seam.mayResume).toBe(false);
    const several = new Seam();
    several.pass({ type: 'part_start', index: 1, choice: 1, part: { type: 'text', text: '' } });
    expect(several.mayResume).toBe(false);
  });

  it('may be joined more than once', async () => {
    const seam = new Seam();
    const events = said([whole.slice(0, 20)]).flatMap((event) => seam.pass(event));
    for (const [from, to] of [
      [20, 70],
      [70, whole.length],
    ] as const) {
      seam.resume();
      events.push(...said([whole.slice(from, to)]).flatMap((event) => seam.pass(event)));
    }
    events.push(...ends.flatMap((event) => seam.pass(event)));
    expect(textOf(await foldEvents(events))).toBe(whole);
  });

  it('asks to go on with a turn of the user: no provider is asked to go on inside an answer', () => {
    const seam = new Seam();
    const request = { model: 'm', messages: [{ role: 'user' as const, parts: [] }], maxOutputTokens: 100 };
    expect(seam.continued(request)).toBe(request);
    for (const event of said(['x'.repeat(80)])) seam.pass(event);
    const continued = seam.continued(request);
    expect(continued.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user']);
    expect(continued.maxOutputTokens).toBe(80);
  });
});
