import { beforeEach, describe, expect, it } from 'vitest';
import { Mixes, type MixQuery, mix } from '../../src/books/mix.ts';
import { migrations } from '../../src/books/schema.ts';
import type { ReceiptLine } from '../../src/contract/index.ts';
import { openSql } from '../../src/runtime/node/sql.ts';
import type { Sql } from '../../src/runtime/ports.ts';
import { noon } from './rows.ts';

type Row = {
  id: string;
  modality?: string;
  model?: string;
  key?: string;
  simulated?: 0 | 1;
  state?: string;
  outcome?: string;
  at?: number;
  took?: number;
  cost?: bigint | null;
  status?: string;
  basis?: string;
  lines?: Partial<ReceiptLine>[];
  units?: Record<string, number>;
};

describe('mix', () => {
  let sql: Sql;
  beforeEach(() => {
    sql = openSql(':memory:');
    for (const step of migrations) sql.script(step);
  });
  const did = (row: Row) => {
    const { id, modality = 'text', model = 'pen', key = 'key_a', simulated = 0, at = noon, took = 1000 } = row;
    const {
      state = 'settled',
      outcome = 'succeeded',
      cost = 10n,
      status = 'priced',
      basis = 'computed_from_usage',
    } = row;
    sql.run(
      `INSERT INTO attempt (id, generation_id, key_id, modality, provider, model, simulated, state, outcome, at, ended_at,
         cost_pico, cost_status, cost_basis, lines) VALUES (?, ?, ?, ?, 'house', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[id, id.split('.')[0]!, key, modality, model, simulated, state, outcome, at, at + took],
      ...[cost, status, basis, JSON.stringify(row.lines ?? [{ meter: 'output_text_tokens', quantity: 100 }])],
    );
    if (!row.units) return;
    sql.run(
      `INSERT INTO generation (id, key_id, modality, model, status, simulated, created_at, units)
       VALUES (?, ?, ?, ?, 'completed', 0, ?, ?)`,
      ...[id.split('.')[0]!, key, modality, model, at, JSON.stringify(row.units)],
    );
  };
  const ask = (query: Partial<MixQuery> = {}) =>
    mix(sql, { from: 0, to: noon + 1e9, simulated: 'exclude', steps: { tokens: [], quantities: [] }, ...query });

  it('is worked out a little at a time, several side by side, to the same answer', () => {
    for (let count = 0; count < 1_700; count++) {
      const id = `gen_${String(count).padStart(4, '0')}.1`;
      did({ id, model: `pen-${count % 3}`, took: (count % 90) * 10, key: count % 2 ? 'key_a' : 'key_b' });
    }
    const queries = [{}, { keyId: 'key_a' }].map((more): MixQuery => {
      return { from: 0, to: noon + 1e9, simulated: 'exclude', steps: { tokens: [50], quantities: [] }, ...more };
    });
    const mixes = new Mixes(sql);
    const found = new Map<number, unknown>();
    let steps = 0;
    while (found.size < queries.length) {
      for (const [place, query] of queries.entries()) {
        if (found.has(place)) continue;
        const step = mixes.step(`token ${place}`, query);
        steps++;
        if (step.state === 'done') found.set(place, step.rows);
      }
    }
    expect(steps).toBeGreaterThan(8);
    expect(queries.map((query) => mix(sql, query))).toEqual([found.get(0), found.get(1)]);
    const latencies = [0, 1, 2].map((model) => {
      const all = Array.from({ length: 1_700 }, (_, count) => count).filter((count) => count % 3 === model);
      const took = all.map((count) => (count % 90) * 10).sort((one, other) => one - other);
      const average = Math.round(took.reduce((sum, one) => sum + one, 0) / took.length) / 1000;
      return { average, median: took[Math.floor((took.length - 1) / 2)]! / 1000 };
    });
    expect(mix(sql, queries[0]!).map((row) => row.latency)).toEqual(latencies);
  });

  it('adds calls up by modality and model, meter and dimensions', () => {
    const batch = { service_tier: 'batch' };
    did({
      id: 'gen_1.1',
      lines: [
        { meter: 'input_text_tokens', quantity: 7 },
        { meter: 'output_text_tokens', quantity: 1 },
      ],
    });
    did({
      id: 'gen_2.1',
      lines: [{ meter: 'input_text_tokens', quantity: 5 }],
      took: 4000,
      at: noon + 5,
      cost: 2n ** 60n,
    });
    did({ id: 'gen_3.1', lines: [{ meter: 'input_text_tokens', quantity: 9, dims: batch }], took: 2000 });
    did({
      id: 'gen_4.1',
      modality: 'speech',
      model: 'voice',
      lines: [{ meter: 'input_characters', quantity: 3 }],
      units: { seconds: 0.1 },
    });
    did({
      id: 'gen_5.1',
      modality: 'speech',
      model: 'voice',
      lines: [{ meter: 'input_characters', quantity: 4 }],
      units: { seconds: 0.2 },
    });
    const [speech, text, ...none] = ask();
    expect(none).toEqual([]);
    expect(speech).toMatchObject({
      ...{ modality: 'speech', provider: 'house', model: 'voice', succeeded: 2, units: { seconds: 0.3 } },
      classes: [{ calls: 2, metered: [{ meter: 'input_characters', quantity: 7 }] }],
    });
    expect(text).toMatchObject({
      generations: 3,
      attempts: 3,
      costPico: 2n ** 60n + 20n,
      firstAt: noon,
      lastAt: noon + 5,
    });
    expect(text?.latency).toEqual({ average: 2.333, median: 2 });
    expect(text?.classes[0]?.metered).toEqual([
      { meter: 'input_text_tokens', quantity: 12 },
      { meter: 'input_text_tokens', quantity: 9, dims: batch },
      { meter: 'output_text_tokens', quantity: 1 },
    ]);
  });

  it('parts calls at the steps: input tokens of the call, anything else by its own quantity', () => {
    const tokens = (id: string, input: number, cached: number) =>
      did({
        id,
        lines: [
          { meter: 'input_text_tokens', quantity: input },
          { meter: 'cached_input_tokens', quantity: cached },
          { meter: 'output_text_tokens', quantity: 5000 },
        ],
      });
    tokens('gen_1.1', 900, 100);
    tokens('gen_2.1', 900, 101);
    tokens('gen_3.1', 50, 0);
    for (const [place, quantity] of [10, 3, 10.5].entries()) {
      did({ id: `gen_a${place}.1`, modality: 'transcription', lines: [{ meter: 'input_audio_seconds', quantity }] });
    }
    const [text, heard] = ask({ steps: { tokens: [1000], quantities: [10] } });
    const sums = (row: typeof text) => row?.classes.map((one) => [one.calls, one.metered[0]?.quantity]);
    expect(sums(text)?.map(([calls]) => calls)).toEqual([2, 1]);
    expect(text?.classes[1]?.metered.find((line) => line.meter === 'cached_input_tokens')?.quantity).toBe(101);
    expect(sums(heard)).toEqual([
      [2, 13],
      [1, 10.5],
    ]);
  });

  it('keeps failures, lost lines and reported costs in the count', () => {
    did({ id: 'gen_1.1', outcome: 'failed', took: 90_000, lines: [{ meter: 'output_text_tokens', quantity: 30 }] });
    did({ id: 'gen_1.2' });
    did({ id: 'gen_2.1', state: 'released', outcome: 'rejected', status: 'not_billable', cost: 0n, lines: [] });
    did({ id: 'gen_3.1', basis: 'provider_reported', cost: 77n, lines: [] });
    did({ id: 'gen_4.1', basis: 'gateway_cache_hit', cost: 0n, lines: [] });
    did({ id: 'gen_5.1', state: 'dispatched' });
    const [row] = ask();
    expect(row).toMatchObject({ generations: 4, attempts: 5, succeeded: 3, latency: { average: 1, median: 1 } });
    expect(row?.classes).toEqual([
      { calls: 2, estimated: 0, metered: [{ meter: 'output_text_tokens', quantity: 130 }] },
      { calls: 1, estimated: 0, metered: [], reportedPico: 77n },
    ]);
  });

  it('keeps large whole quantities', () => {
    did({ id: 'gen_1.1', lines: [{ meter: 'output_text_tokens', quantity: 7_905_701_216 }], units: { tokens: 3e9 } });
    did({ id: 'gen_2.1', lines: [{ meter: 'output_text_tokens', quantity: 1 }], units: { tokens: 4_905_701_217 } });
    expect(ask()[0]).toMatchObject({
      units: { tokens: 7_905_701_217 },
      classes: [{ metered: [{ meter: 'output_text_tokens', quantity: 7_905_701_217 }] }],
    });
  });

  it('adds up more calls than it reads at a time, each once', () => {
    sql.script('BEGIN');
    for (let place = 0; place < 5001; place++) did({ id: `gen_${String(place).padStart(5, '0')}.1`, took: place });
    did({ id: 'gen_05000.2', took: 5000 });
    sql.script('COMMIT');
    const [row] = ask();
    expect(row).toMatchObject({ generations: 5001, attempts: 5002, costPico: 50_020n });
    expect(row?.latency).toEqual({ average: 2.5, median: 2.5 });
    expect(row?.classes).toEqual([
      { calls: 5002, estimated: 0, metered: [{ meter: 'output_text_tokens', quantity: 500_200 }] },
    ]);
  });

  it('counts from a time until another, of one key, real or simulated', () => {
    did({ id: 'gen_1.1' });
    did({ id: 'gen_2.1', key: 'key_b', at: noon + 10 });
    did({ id: 'gen_3.1', simulated: 1 });
    const calls = (query: Partial<MixQuery>) => ask(query).reduce((sum, row) => sum + row.attempts, 0);
    expect(calls({})).toBe(2);
    expect(calls({ from: noon, to: noon + 10 })).toBe(1);
    expect(calls({ from: noon + 1 })).toBe(1);
    expect(calls({ keyId: 'key_b' })).toBe(1);
    expect(calls({ simulated: 'include' })).toBe(3);
    expect(ask({ simulated: 'only' })[0]).toMatchObject({ attempts: 1, simulated: 1 });
    expect(ask({ keyId: "x' OR 1=1" })).toEqual([]);
  });
});
