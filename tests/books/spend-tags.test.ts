import { expect, it } from 'vitest';
import { Book } from '../../src/books/book.ts';
import type { SpendAnswer, SpendQuery } from '../../src/books/index.ts';
import { openSql } from '../../src/runtime/node/sql.ts';
import { keyRow, noon } from './rows.ts';

/** Few attempts have the same tags: there are more sets of them than are kept in mind. */
const rows = 90_000;

it('groups by tag up to the pico-dollar, however many sets of tags there are', () => {
  const sql = openSql(':memory:');
  const book = new Book(sql);
  book.migrate();
  book.createKey(keyRow('key_0'));
  sql.begin();
  sql.run(
    `INSERT INTO attempt (id, generation_id, asked, key_id, modality, provider, model, simulated, state, outcome, at, ended_at,
       cost_pico, cost_status, cost_basis, catalogue, lines, charge_pico, tags)
     WITH RECURSIVE counted (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n < ? - 1)
     SELECT printf('gen_%08d.1', n), printf('gen_%08d', n), 'x', 'key_0', 'text', 'house', 'pen', 0, 'settled', 'succeeded',
       ? + n * 25000, ? + n * 25000 + 1, (n * 7919) % 1000003 * 1000003, 'priced', 'computed_from_usage', 'sha256:x',
       json_array(json_object('meter', 'output_text_tokens', 'quantity', n % 900 + 1, 'price', '1', 'per', '1000000',
         'amount', CAST((n * 7919) % 1000003 * 1000003 AS TEXT))),
       (n * 7919) % 1000003 * 1000003 + n,
       json_object('a', CAST(n % 30 AS TEXT), 'b', CAST(n / 45 % 45 AS TEXT), 'c', CAST(n / 2025 AS TEXT), 'd', CAST(n / 1500 AS TEXT))
     FROM counted`,
    ...[rows, noon, noon],
  );
  sql.commit();
  while (book.rollUp());
  const answer = reportOf(book, { groupBy: ['tag'], simulated: 'exclude' });
  const wanted = sql.all(
    `SELECT t.key || '=' || t.value AS tag, COUNT(*) AS attempts, CAST(SUM(cost_pico) AS TEXT) AS cost,
       CAST(SUM(charge_pico) AS TEXT) AS charge, SUM(json_extract(lines, '$[0].quantity')) AS tokens,
       json_group_array(cost_pico) AS costs
     FROM attempt, json_each(tags) t GROUP BY 1`,
  );
  expect(answer.rows).toHaveLength(wanted.length);
  const byTag = new Map(answer.rows.map((row) => [row.group.tag, row]));
  for (const one of wanted) {
    const row = byTag.get(String(one.tag))!;
    expect([row.attempts, String(row.costPico), String(row.chargePico), row.units.tokens]).toEqual(
      ['attempts', 'cost', 'charge', 'tokens'].map((name) => one[name]),
    );
    const costs = (JSON.parse(String(one.costs)) as number[]).sort((left, right) => left - right);
    const exact = costs[Math.ceil(costs.length / 2) - 1]!;
    const p50 = Number(row.generationCost?.p50);
    expect(p50).toBeGreaterThanOrEqual(exact);
    expect(p50).toBeLessThanOrEqual(exact * (1 + 1 / 64));
    expect(row.unitCost.tokens).toBeDefined();
  }
  expect(answer.total.attempts).toBe(rows);
  // Left out, they leave nothing else out.
  const plain = reportOf(book, { groupBy: ['tag'], simulated: 'exclude', plain: true });
  const bare = answer.rows.map(({ generationCost: _, ...row }) => ({ ...row, unitCost: {} }));
  expect(plain.rows).toEqual(bare);
  sql.close();
}, 40_000);

function reportOf(book: Book, query: SpendQuery): SpendAnswer {
  const rows: SpendAnswer['rows'] = [];
  for (;;) {
    const step = book.spendStep('test', query);
    if (step.state === 'working') rows.push(...step.rows);
    if (step.state === 'done') return { rows, ...step.answer };
  }
}
