import { describe, expect, it } from 'vitest';
import { parseUsd } from '../../src/meter/money.ts';
import { unitCosts, unitOfMeter } from '../../src/meter/unit-costs.ts';

const one = (counted: Record<string, number>, usd: string) => unitCosts(counted, parseUsd(usd))[0];

describe('unit costs', () => {
  it('sets the cost against the unit people compare in', () => {
    expect(one({ images: 3 }, '0.12')).toEqual({ unit: 'image', quantity: '3', costPico: parseUsd('0.04') });
    expect(one({ seconds: 90 }, '0.03')).toEqual({ unit: 'minute', quantity: '1.5', costPico: parseUsd('0.02') });
    expect(one({ tokens: 250_000 }, '0.5')).toEqual({ unit: '1m_tokens', quantity: '0.25', costPico: parseUsd('2') });
    expect(one({ characters: 45 }, '0.0009')).toEqual({
      unit: '1k_characters',
      quantity: '0.045',
      costPico: parseUsd('0.02'),
    });
    expect(one({ songs: 2 }, '0.1')).toMatchObject({ unit: 'song', costPico: parseUsd('0.05') });
    expect(one({ models: 4 }, '1')).toMatchObject({ unit: 'model3d', costPico: parseUsd('0.25') });
  });

  it('knows what each meter counts, and leaves a unit as it is', () => {
    const meters = ['output_text_tokens', 'gpu_seconds', 'output_video_seconds', 'input_characters', 'models_3d'];
    const units = ['tokens', 'gpu_seconds', 'seconds', 'characters', 'models'];
    expect(meters.map(unitOfMeter)).toEqual(units);
    expect([...units, 'models_3d_addon', 'images'].map(unitOfMeter)).toEqual([...units, 'models', 'images']);
  });

  it('divides exactly and rounds half to even', () => {
    expect(one({ images: 3 }, '1')!.costPico).toBe(333_333_333_333n);
    expect(one({ images: 2 }, '0.000000000001')!.costPico).toBe(0n);
    expect(one({ images: 2 }, '0.000000000003')!.costPico).toBe(2n);
    expect(one({ seconds: 3.008 }, '0.003008')!.costPico).toBe(parseUsd('0.06'));
  });

  it('has no cost per unit of nothing', () => {
    expect(one({ images: 0 }, '0.5')).toEqual({ unit: 'image', quantity: '0', costPico: undefined });
    expect(one({ seconds: 0.0000001 }, '0.5')!.costPico).toBeUndefined();
  });

  it('shows several units as alternatives, and no unknown ones', () => {
    const rows = unitCosts({ seconds: 60, characters: 1000, whispers: 3 }, parseUsd('1'));
    expect(rows.map((row) => [row.unit, row.costPico])).toEqual([
      ['minute', parseUsd('1')],
      ['1k_characters', parseUsd('1')],
    ]);
    expect(unitCosts({}, 1n)).toEqual([]);
  });

  it('survives floats of a long sum', () => {
    const seconds = Array.from({ length: 10 }, () => 0.1).reduce((sum, value) => sum + value, 0);
    expect(seconds).not.toBe(1);
    expect(one({ seconds }, '1')).toMatchObject({ costPico: parseUsd('60') });
  });
});
