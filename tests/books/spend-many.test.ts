import { expect, it } from 'vitest';
import { Book } from '../../src/books/book.ts';
import type { SpendAnswer, SpendQuery } from '../../src/books/index.ts';
import { openSql } from '../../src/runtime/node/sql.ts';
import { keyRow, noon } from './rows.ts';

const rows = 100_000;

it(`adds ${rows.toLocaleString('en')} attempts up to the pico-dollar, a little at a time`, () => {
  const sql = openSql(':memory:');
  const book = new Book(sql);
  book.migrate();
  for (let key = 0; key < 10; key++) book.createKey(keyRow(`key_${key}`));
  sql.begin();
  sql.run(
    `INSERT INTO attempt (id, generation_id, asked, key_id, modality, provider, model, simulated, state, outcome, at, ended_at,
       cost_pico, cost_status, cost_basis, catalogue, lines, charge_pico, end_user, tags)
     WITH RECURSIVE counted (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n < ? - 1)
     SELECT printf('gen_%08d.1', n), printf('gen_%08d', n), 'x', 'key_' || (n * 7 % 10), CASE n % 10 WHEN 0 THEN 'image' ELSE 'text' END,
       'house', 'pen-' || (n % 7), 0, 'settled', 'succeeded', ? + n * 25000, ? + n * 25000 + 1,
       (n * 7919) % 1000003 * 1000003, 'priced', 'computed_from_usage', 'sha256:x',
       json_array(json_object('meter', 'output_text_tokens', 'quantity', n % 900 + 1, 'price', '1', 'per', '1000000',
         'amount', CAST((n * 7919) % 1000003 * 1000003 AS TEXT))),
       (n * 7919) % 1000003 * 1000003 + n, 'user ' || (n * 31 % 9000), json_object('team', n % 5)
     FROM counted`,
    ...[rows, noon, noon],
  );
  sql.commit();
  while (book.rollUp());
  expect(Number(sql.all('SELECT COUNT(*) AS n FROM rollup_segment')[0]!.n)).toBeLessThan(30);

  const report = (query: SpendQuery): SpendAnswer & { steps: number } => {
    const all: SpendAnswer['rows'] = [];
    for (let steps = 1; ; steps++) {
      const step = book.spendStep('test', query);
      if (step.state === 'working') all.push(...step.rows);
      if (step.state === 'done') return { rows: all, ...step.answer, steps };
    }
  };
  const total = sql.all(
    'SELECT CAST(SUM(cost_pico) AS TEXT) AS cost, CAST(SUM(charge_pico) AS TEXT) AS charge FROM attempt',
  )[0]!;
  const groups: [SpendQuery['groupBy'], string][] = [
    [['model'], 'model'],
    [['key', 'day'], "key_id || date(at / 1000, 'unixepoch')"],
    [['user'], 'end_user'],
    [['tag'], 'tags'],
    [['unit'], 'simulated'],
  ];
  for (const [groupBy, expression] of groups) {
    const answer = report({ groupBy, simulated: 'exclude' });
    const wanted = sql.all(
      `SELECT COUNT(*) AS attempts, CAST(SUM(cost_pico) AS TEXT) AS cost, CAST(SUM(charge_pico) AS TEXT) AS charge,
         SUM(json_extract(lines, '$[0].quantity')) AS tokens FROM attempt GROUP BY ${expression}`,
    );
    const list = (all: (string | number | bigint)[][]) => all.map((one) => one.join(' ')).sort();
    expect(list(answer.rows.map((row) => [row.attempts, row.costPico, row.chargePico, row.units.tokens!]))).toEqual(
      list(wanted.map((row) => [row.attempts, row.cost, row.charge, row.tokens] as (string | number)[])),
    );
    expect(answer.total).toMatchObject({
      costPico: BigInt(String(total.cost)),
      chargePico: BigInt(String(total.charge)),
    });
    expect(answer.steps).toBeGreaterThan(3);
  }
  sql.close();
}, 20_000);
