import { describe, expect, it } from 'vitest';
import { readCsv } from '../../src/meter/csv.ts';
import { parseUsd } from '../../src/meter/money.ts';
import { type OursLine, reconcile } from '../../src/meter/reconcile.ts';
import { readStatement } from '../../src/meter/statement.ts';

const line = (meter: string, quantity: number, usd: string, model = 'house/pen'): OursLine => ({
  ...{ model, meter, unit: meter.endsWith('_tokens') ? 'tokens' : meter, quantity, costPico: parseUsd(usd) },
});
const ours = [
  line('input_text_tokens', 800, '0.8'),
  line('cached_input_tokens', 200, '0.02'),
  line('output_text_tokens', 100, '1'),
];

describe('CSV', () => {
  it('reads quotes, line breaks within them, other separators and marks of order', () => {
    expect(readCsv('\ufeffa,b\r\n"x, ""y""\nz",2\r\n\r\n,\r\n')).toEqual([
      ['a', 'b'],
      ['x, "y"\nz', '2'],
    ]);
    expect(readCsv('a;b\n1,5;2')).toEqual([
      ['a', 'b'],
      ['1,5', '2'],
    ]);
    expect(readCsv('a\tb')).toEqual([['a', 'b']]);
    expect(() => readCsv('a\n"b')).toThrow(RangeError);
  });
});

describe('statements', () => {
  it('reads one quantity a row', () => {
    const { lines, columns } = readStatement(
      'Date,Model,Token Type,Quantity,Cost (USD)\n2026-11-01,pen,input,"1,000",$0.5\n',
      { cost: 'Cost (USD)' },
    );
    expect(lines).toEqual([
      {
        at: Date.UTC(2026, 10, 1),
        model: 'pen',
        meter: 'input_text_tokens',
        quantity: 1000,
        costPico: parseUsd('0.5'),
      },
    ]);
    expect(columns).toMatchObject({ meter: 'Token Type', cost: 'Cost (USD)' });
  });

  it('reads one column for each meter, where cached input is part of the input', () => {
    const { lines } = readStatement(
      'start_time,model,input_tokens,input_cached_tokens,output_tokens\n1793491200,pen,1000,200,100\n',
    );
    expect(lines.map(({ meter, quantity }) => [meter, quantity])).toEqual([
      ['input_text_tokens', 800],
      ['cached_input_tokens', 200],
      ['output_text_tokens', 100],
    ]);
    const apart = readStatement('model,usage_input_tokens_no_cache,usage_input_tokens_cache_read\npen,800,200');
    expect(apart.lines.map(({ quantity }) => quantity)).toEqual([800, 200]);
  });

  it('counts rows that say nothing', () => {
    expect(readStatement('model,cost\n,1\npen,\npen,2').ignored).toBe(2);
  });
});

describe('reconciling', () => {
  const against = (csv: string) => reconcile(ours, readStatement(csv).lines);

  it('finds no drift where there is none', () => {
    const rows = against('model,meter,quantity,cost\npen,input,800,0.8\npen,cached_input,200,0.02\npen,output,100,1');
    expect(rows).toHaveLength(3);
    for (const row of rows) {
      expect(row).toMatchObject({
        side: 'both',
        drift: { quantity: 0, quantityPercent: '0', costPico: 0n, costPercent: '0' },
      });
    }
  });

  it('says how far each side is off', () => {
    const [input] = against('model,meter,quantity,cost\npen,input,1000,1');
    expect(input).toMatchObject({
      drift: { quantity: -200, quantityPercent: '-20', costPico: parseUsd('-0.2'), costPercent: '-20' },
    });
  });

  it('sets a unit against all of its meters, and what is left of them', () => {
    expect(against('model,unit,quantity\npen,tokens,1100')).toMatchObject([
      { meter: 'tokens', side: 'both', ours: { quantity: 1100, costPico: parseUsd('1.82') }, drift: { quantity: 0 } },
    ]);
    expect(against('model,unit,quantity\npen,tokens,300\npen,output,100')).toMatchObject([
      { meter: 'output_text_tokens', drift: { quantity: 0 } },
      { meter: 'tokens', ours: { quantity: 1000 }, drift: { quantity: 700 } },
    ]);
  });

  it('sets costs by model against all of it', () => {
    expect(against('model,cost\nhouse/pen,2')).toMatchObject([
      { model: 'house/pen', meter: '', side: 'both', drift: { costPico: parseUsd('-0.18'), costPercent: '-9' } },
    ]);
  });

  it('keeps what only one side has', () => {
    expect(
      against('model,meter,quantity\nbrush,images,3').map(({ model, meter, side }) => [model, meter, side]),
    ).toEqual([
      ['brush', 'images', 'theirs'],
      ['house/pen', 'input_text_tokens', 'ours'],
      ['house/pen', 'cached_input_tokens', 'ours'],
      ['house/pen', 'output_text_tokens', 'ours'],
    ]);
  });

  it('names the units of what only they have as our ledger does', () => {
    expect(
      against('model,meter,quantity\nbrush,gpu_seconds,3\nbrush,models_3d,2\nbrush,input_characters,9')
        .filter(({ side }) => side === 'theirs')
        .map(({ meter, unit }) => [meter, unit]),
    ).toEqual([
      ['gpu_seconds', 'gpu_seconds'],
      ['models_3d', 'models'],
      ['input_characters', 'characters'],
    ]);
  });

  it('keeps large whole quantities', () => {
    const rows = reconcile(
      [line('input_text_tokens', 7_905_701_217, '1')],
      readStatement('model,meter,quantity,cost_usd\npen,input_text_tokens,7905701217,1', {}).lines,
    );
    expect(rows).toMatchObject([{ ours: { quantity: 7_905_701_217 }, drift: { quantity: 0, quantityPercent: '0' } }]);
  });
});
