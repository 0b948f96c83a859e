import { expect } from 'vitest';
import { at, type Json, type JsonObject, stringAt } from '../../../src/contract/index.ts';
import { probe } from '../../../src/meter/probe.ts';
import type { MediaRow } from './rows.ts';
import type { Mark } from './table.ts';
import { booked, type Gateway, type MediaWorld, type Relay } from './world.ts';

/**
 * Where a case runs: `quick` asks often, `asking` too and has a public address, `steady` asks seldom enough to do something between two
 * looks, `told` has a public address and hardly ever asks.
 */
export type Stage = {
  world: MediaWorld;
  quick: Gateway;
  asking: Gateway;
  steady: Gateway;
  told: Gateway;
  relay: Relay;
};

export type MediaCase = {
  name: string;
  /** Whether the row has anything like it. */
  applies(row: MediaRow, hooks: boolean): boolean;
  /** Says `≤` where the provider does not tell what it bills, and its upper bound was booked as an estimate. */
  run(row: MediaRow, stage: Stage): Promise<Mark>;
};

const kinds: Partial<Record<string, string>> = {
  image: 'image',
  speech: 'audio',
  music: 'audio',
  sound_effect: 'audio',
  video: 'video',
  model3d: 'model3d',
};
export const hasFiles = (row: MediaRow) => kinds[row.modality] !== undefined;

/**
 * The book says what the provider's own bill says: amount and quantities. Where the provider does not tell what a job cost that came to
 * nothing (`loose`), it says at least that, and that it does not know.
 */
export function expectBilled(row: MediaRow, { world }: Stage, generation: JsonObject, calls = 1, loose = false): Mark {
  const bill = world.billed(row.provider, String(generation.id));
  const book = booked(generation);
  expect(bill.calls, 'asked of the provider').toBe(calls);
  if (loose && at(generation, 'error', 'billing') === 'unknown' && `${book.charges}` !== `${bill.charges}`) {
    expect(book.pico).toBeGreaterThanOrEqual(bill.pico);
    expect(book.status).toMatch(/estimated|unpriced/);
    return '≤';
  }
  // The time of a machine of one's own is on no vendor's bill.
  const charges = row.own ? book.charges.filter((line) => !line.startsWith('gpu_seconds')) : book.charges;
  expect(charges, 'quantities on the receipt').toEqual(bill.charges);
  if (bill.unpriced === 0 && !row.own) expect(book.pico, 'amount on the receipt').toBe(bill.pico);
  return 'ok';
}

export async function expectDecodable(row: MediaRow, gateway: Gateway, generation: JsonObject): Promise<void> {
  const outputs = generation.outputs as JsonObject[];
  expect(outputs.length).toBeGreaterThan(0);
  if (!hasFiles(row)) {
    const [first] = outputs;
    if (row.modality === 'embedding') expect((first!.vector as Json[]).length).toBeGreaterThan(8);
    else expect(first).toMatchObject({ type: 'text', text: expect.stringMatching(/the harbour$/) });
    return;
  }
  for (const output of outputs.filter((one) => one.url)) {
    const answer = await fetch(String(output.url).replace(/^https?:\/\/[^/]+/, gateway.url));
    const bytes = new Uint8Array(await answer.arrayBuffer());
    expect(answer.headers.get('content-type')).toBe(output.media_type);
    expect(bytes.length).toBe(output.bytes);
    expect(probe(bytes)?.kind).toBe(kinds[row.modality]);
  }
  expect(outputs.some((one) => one.url)).toBe(true);
}

export async function completed(row: MediaRow, gateway: Gateway, words: string): Promise<JsonObject> {
  const generation = await gateway.end(await gateway.begin(row.write(words)));
  expect(generation.status, JSON.stringify(generation)).toBe('completed');
  return generation;
}

/**
 * Ends as a failure with this code; the customer pays nothing. What came out empty or wrong was worked for: its cost stays in the book, to
 * the last unit.
 */
export async function fails(row: MediaRow, stage: Stage, words: string, code: string): Promise<Mark> {
  const { quick } = stage;
  const generation = await quick.end(await quick.begin(row.write(words)));
  expect(generation.status, JSON.stringify(generation)).toBe('failed');
  expect(stringAt(generation, 'error', 'code'), stringAt(generation, 'error', 'message')).toBe(code);
  expect(generation.outputs).toEqual([]);
  expect(
    booked(generation).charge.every((one) => one === '0' || one === 'null'),
    'charged to the customer',
  ).toBe(true);
  const { calls } = stage.world.billed(row.provider, String(generation.id));
  expect(calls).toBeLessThanOrEqual(1);
  return expectBilled(row, stage, generation, calls, code !== 'invalid_output');
}

/** Waits for something that comes by itself. */
export async function until<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  patience = 10_000,
): Promise<T> {
  for (const end = Date.now() + patience; ; ) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what} never came.`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A job begun by one gateway and ended by the next one over the same folder. */
export async function expectResumed(row: MediaRow, stage: Stage, gateway: Gateway, id: string): Promise<Mark> {
  const generation = await gateway.end(id);
  expect(generation.status, JSON.stringify(generation)).toBe('completed');
  await expectDecodable(row, gateway, generation);
  expect(at(generation, 'attempts')).toHaveLength(1);
  return expectBilled(row, stage, generation);
}
