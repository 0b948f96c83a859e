import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { shipped } from '../../config/files.ts';
import { loadConfig } from '../../config/load.ts';
import type { Meter, Model, Price } from '../../src/contract/index.ts';
import { createCatalogue } from '../../src/meter/catalogue.ts';
import { type ForecastInput, forecast } from '../../src/meter/forecast.ts';
import type { SelfHosted } from '../../src/meter/forecast-machines.ts';
import { type MixRow, workloadOfMix } from '../../src/meter/forecast-mix.ts';
import { type OutputWords, workloadOfProfile } from '../../src/meter/forecast-profile.ts';
import type { Workload } from '../../src/meter/forecast-workload.ts';
import { parseUsd } from '../../src/meter/money.ts';
import { priceUsage } from '../../src/meter/price.ts';

const at = Date.parse('2026-11-22T12:00:00Z');
const price = (model: string, meter: Meter, usd: string, per: string, more: Partial<Price> = {}): Price => {
  return { provider: 'house', model, meter, price: usd, per, source: 'test', checked: '2026-11-22', ...more };
};
const million = '1000000';
const batch = { dims: { service_tier: 'batch' } };
const prices: Price[] = [
  price('pen', 'input_text_tokens', '5', million),
  price('pen', 'output_text_tokens', '30', million),
  price('pen', 'cached_input_tokens', '0.5', million),
  price('pen', 'input_text_tokens', '10', million, { contextOver: 272_000 }),
  price('pen', 'output_text_tokens', '45', million, { contextOver: 272_000 }),
  price('pen', 'input_text_tokens', '2.5', million, batch),
  price('pen', 'output_text_tokens', '15', million, batch),
  price('pencil', 'input_text_tokens', '1', million),
  price('pencil', 'output_text_tokens', '4', million),
  price('crayon', 'input_text_tokens', '0.5', million),
  price('crayon', 'output_text_tokens', '2', million),
  price('fresco', 'images', '0.003', '1'),
  price('etching', 'images', '0.002', '1'),
  price('mosaic', 'output_image_tokens', '30', million),
  price('ear', 'input_audio_seconds', '0.36', '3600'),
  price('least-ear', 'input_audio_seconds', '0.036', '3600', { minQuantity: '10' }),
  price('tomorrow', 'images', '1', '1', { until: '2027-01-01' }),
  price('tomorrow', 'images', '2', '1', { from: '2027-01-01' }),
];
const catalogue = createCatalogue(prices, 'sha256:test');
const model = (name: string, modality: Model['modality'], more: Partial<Model> = {}): Model => {
  return { id: `house/${name}`, provider: 'house', upstream: name, modality, ...more };
};
const pen = model('pen', 'text', {
  capabilities: { context_tokens: 1_000_000, formats: ['a', 'b'] },
  input: ['image'],
});
const pencil = model('pencil', 'text', { capabilities: { context_tokens: 8000, formats: ['b', 'c'] } });
const crayon = model('crayon', 'text');
const fresco = model('fresco', 'image');
const ear = model('ear', 'transcription');
const leastEar = model('least-ear', 'transcription');
const candidates = [pen, pencil, crayon, fresco, model('etching', 'image'), model('mosaic', 'image'), ear, leastEar];

type Words = OutputWords & { batchable?: number; usage?: Partial<Record<Meter, number>> };
const profile = (of: Model, perMonth: number, { batchable, usage, ...words }: Words = {}): Workload =>
  workloadOfProfile(catalogue, {
    ...{ model: of, perMonth, words },
    ...(usage ? { usage } : {}),
    ...(batchable === undefined ? {} : { batchable }),
  });
const ask = (works: Workload[], more: Partial<ForecastInput> = {}) =>
  forecast({ catalogue, at, works, multiples: [1, 10], candidates, peak: 1, ...more });
const costs = (works: Workload[], more?: Partial<ForecastInput>) =>
  ask(works, more).rows.map((row) => row.curve.map((point) => point.cost_usd));

const mixRow = (of: Model, classes: MixRow['classes'], more: Partial<MixRow> = {}): MixRow => {
  const calls = classes.reduce((sum, one) => sum + one.calls, 0);
  const counts = { generations: calls, attempts: calls, succeeded: calls, simulated: 0, unpriced: 0 };
  const row = {
    modality: of.modality,
    provider: of.provider,
    model: of.upstream,
    costPico: 0n,
    firstAt: at,
    lastAt: at,
  };
  return { ...row, ...counts, units: {}, classes, ...more };
};
const month = { top: 1n, bottom: 1n };

describe('the curve', () => {
  test('is the price of the quantities, at every multiple', () => {
    const answer = ask([profile(fresco, 1000), profile(pen, 10_000, { inputTokens: 1000, outputTokens: 200 })]);
    // 10,000 × (1000 × $5/M + 200 × $30/M) = $50 + $60
    expect(answer.rows.map((row) => row.curve.map((point) => point.cost_usd))).toEqual([
      ['3', '30'],
      ['110', '1100'],
    ]);
    expect(answer.rows.map((row) => row.unit_cost_usd)).toEqual(['0.003', '0.011']);
    expect(answer.rows[1]?.units).toContainEqual({
      unit: '1m_tokens',
      quantity: '12',
      unit_cost_usd: '9.166666666667',
    });
    expect(answer.total).toEqual([
      { multiple: 1, cost_usd: '113', unpriced: 0 },
      { multiple: 10, cost_usd: '1130', unpriced: 0 },
    ]);
    expect([answer.month_hours, answer.month_days, answer.prices_at]).toEqual([730, '30.416667', '2026-11-22']);
  });

  test('goes by the day of its prices', () => {
    const works = [profile(model('tomorrow', 'image'), 3)];
    expect(costs(works)).toEqual([['3', '30']]);
    expect(costs(works, { at: Date.parse('2027-01-01') })).toEqual([['6', '60']]);
  });

  test('context tiers go by one call, not by the month', () => {
    expect(costs([profile(pen, 100, { inputTokens: 5000, outputTokens: 0 })])).toEqual([['2.5', '25']]);
    expect(costs([profile(pen, 100, { inputTokens: 300_000, outputTokens: 1 })])).toEqual([['300.0045', '3000.045']]);
  });

  test('a least billed quantity counts for every call', () => {
    // 1000 calls of 3 s are billed as 10,000 s at $0.036 an hour.
    expect(costs([profile(leastEar, 1000, { seconds: 3 })])).toEqual([['0.1', '1']]);
    expect(costs([profile(leastEar, 1000, { seconds: 30 })])).toEqual([['0.3', '3']]);
  });

  test('a ledger of short and long calls keeps them apart', () => {
    const line = (quantity: number) => ({ meter: 'input_audio_seconds' as const, quantity });
    const short = { calls: 10, estimated: 0, metered: [line(20)] };
    const long = { calls: 1, estimated: 0, metered: [line(600)] };
    // 10 × 10 s + 600 s = 700 s at $0.00001 a second
    expect(costs([workloadOfMix(mixRow(leastEar, [short, long]), leastEar, month)])).toEqual([['0.007', '0.07']]);
  });

  test('a period is scaled to a month', () => {
    const row = mixRow(fresco, [{ calls: 7, estimated: 0, metered: [{ meter: 'images', quantity: 14 }] }]);
    const [found] = ask([workloadOfMix(row, fresco, { top: 73n, bottom: 24n })]).rows;
    expect(found).toMatchObject({ per_month: 21.291667, unit_cost_usd: '0.006' });
    expect(found?.curve[0]?.cost_usd).toBe('0.12775');
  });

  test('what has no price is unknown, never 0, and counted beside the money', () => {
    const lost = { meter: 'tool_code_runs', quantity: 2 } as const;
    const partly = mixRow(pen, [
      { calls: 2, estimated: 0, metered: [{ meter: 'output_text_tokens', quantity: 1e6 }, lost] },
    ]);
    const answer = ask([
      profile(model('unknown', 'image'), 40),
      profile(fresco, 10),
      workloadOfMix(partly, pen, month),
      profile(fresco, 5, { usage: { images: 0 } }),
    ]);
    expect(answer.rows.map((row) => [row.curve[0]?.cost_usd, row.curve[0]?.cost_status, row.unit_cost_usd])).toEqual([
      [null, 'unpriced', null],
      ['0.03', 'priced', '0.003'],
      ['30', 'partially_unpriced', null],
      [null, 'unpriced', null],
    ]);
    expect(answer.total[1]).toEqual({ multiple: 10, cost_usd: '300.3', unpriced: 470 });
    expect(ask([profile(model('unknown', 'image'), 40)]).total[0]).toEqual({
      multiple: 1,
      cost_usd: null,
      unpriced: 40,
    });
    expect(answer.substitutions.filter((one) => one.from !== 'house/fresco')).toEqual([]);
  });

  test('what only the provider priced goes by what it said', () => {
    const metered = [{ meter: 'provider_units' as const, quantity: 3 }];
    const row = mixRow(model('odd', 'image'), [{ calls: 3, estimated: 0, metered, reportedPico: parseUsd('0.75') }]);
    const [found] = ask([workloadOfMix(row, model('odd', 'image'), { top: 2n, bottom: 1n })]).rows;
    expect(found).toMatchObject({ unit_cost_usd: '0.25', cost_basis: 'provider_reported', per_month: 6 });
    expect(found?.curve.map((point) => point.cost_usd)).toEqual(['1.5', '15']);
  });

  test('grows with its multiple to the pico-dollar where nothing is rounded, within the rounding elsewhere', async () => {
    const config = await loadConfig(shipped);
    const shippedPrices = createCatalogue(config.prices, config.hash);
    const words = fc.record({
      inputTokens: fc.integer({ min: 1, max: 400_000 }),
      outputTokens: fc.integer({ min: 1, max: 9000 }),
      seconds: fc.integer({ min: 1, max: 400 }),
      n: fc.integer({ min: 1, max: 4 }),
    });
    fc.assert(
      fc.property(fc.constantFrom(...config.models), words, fc.integer({ min: 1, max: 1e6 }), (of, some, perMonth) => {
        const work = workloadOfProfile(shippedPrices, { model: of, perMonth, words: some });
        const answer = forecast({
          catalogue: shippedPrices,
          at,
          works: [work],
          multiples: [1, 10],
          candidates: [],
          peak: 1,
        });
        const [one, ten] = (answer.rows[0]?.curve ?? []).map((point) => point.cost_usd);
        expect(typeof one).toBe(typeof ten);
        const off = parseUsd(ten ?? '0') - parseUsd(one ?? '0') * 10n;
        const bound = 6n * BigInt(1 + work.bundles.flatMap((bundle) => bundle.metered).length);
        expect(off < bound && -off < bound).toBe(true);
        if (of.modality === 'text') expect(off).toBe(0n);
      }),
      { numRuns: 300 },
    );
  });

  test('is what that many receipts add up to', () => {
    const usage = { metered: [{ meter: 'input_text_tokens' as const, quantity: 1234 }], source: 'body' as const };
    const receipt = priceUsage(catalogue, { provider: 'house', model: 'pen', usage, at });
    const [points] = costs([profile(pen, 777, { usage: { input_text_tokens: 1234 } })]);
    expect(parseUsd(points?.[0] ?? '')).toBe((receipt.total ?? 0n) * 777n);
  });
});

describe('what would cost less', () => {
  test('models of the same modality only, cheapest first, with what differs', () => {
    const { substitutions } = ask([
      profile(pen, 1000, { inputTokens: 1000, cachedInputTokens: 1000, outputTokens: 100 }),
    ]);
    // pen: $5 + $0.5 + $3; crayon: (2M × $0.5 + 0.1M × $2); pencil: (2M × $1 + 0.1M × $4), cached ones at the ordinary price.
    expect(
      substitutions.map((one) => [one.to, one.unit_cost_from, one.unit_cost_to, one.saving_usd_per_month]),
    ).toEqual([
      ['house/crayon', '0.0085', '0.0012', '7.3'],
      ['house/pencil', '0.0085', '0.0024', '6.1'],
    ]);
    expect(substitutions[1]?.differs).toEqual([
      { capability: 'input', from: ['image'], to: [] },
      { capability: 'context_tokens', from: 1_000_000, to: 8000 },
      { capability: 'formats', from: ['a'], to: ['c'] },
    ]);
    expect(substitutions[0]?.assumptions.join()).toContain('ordinary text');
  });

  test('not what a model cannot do: longer contexts than it reads, lengths that it does not make', () => {
    const long = profile(pen, 10, { inputTokens: 9000, outputTokens: 1 });
    expect(ask([long]).substitutions.map((one) => one.to)).toEqual(['house/crayon']);
    const range = (min: number, max: number) => [model('loop', 'music', { capabilities: { seconds: { min, max } } })];
    const song = profile(model('song', 'music'), 10, { seconds: 20 });
    const found = (loops: Model[]) => ask([song], { catalogue: sounds, candidates: loops }).substitutions.length;
    const sounds = createCatalogue(
      [price('song', 'output_audio_seconds', '2', '1'), price('loop', 'output_audio_seconds', '1', '1')],
      'sha256:sounds',
    );
    song.bundles = [{ calls: 10, metered: [{ meter: 'output_audio_seconds', quantity: 200 }] }];
    expect([found(range(1, 30)), found(range(30, 30)), found(range(1, 10))]).toEqual([1, 0, 0]);
  });

  test('a minimum makes a lower price dearer', () => {
    const cheaper = (seconds: number) => ask([profile(ear, 100, { seconds })]).substitutions;
    expect(cheaper(0.5)).toEqual([]);
    expect(cheaper(60)).toMatchObject([{ to: 'house/least-ear', unit_cost_from: '0.006', unit_cost_to: '0.0006' }]);
  });

  test('image tokens of one model say nothing about another: the pictures do', () => {
    const table = { output_tokens: [{ quality: 'low', tokens: 50 }] };
    const mosaic = model('mosaic', 'image', { capabilities: table });
    const tokens = { calls: 10, estimated: 0, metered: [{ meter: 'output_image_tokens' as const, quantity: 5000 }] };
    const work = workloadOfMix(mixRow(mosaic, [tokens], { units: { images: 20 } }), mosaic, month);
    expect(ask([work]).substitutions.map((one) => [one.to, one.unit_cost_from, one.unit_cost_to])).toEqual([
      ['house/etching', '0.015', '0.004'],
      ['house/fresco', '0.015', '0.006'],
    ]);
    const other = ask([profile(fresco, 10, { n: 2 })], { candidates: [mosaic] }).substitutions;
    expect(other).toMatchObject([{ to: 'house/mosaic', unit_cost_from: '0.006', unit_cost_to: '0.003' }]);
  });

  test('batch and flex where the catalogue sells them, for the share that can wait', () => {
    const works = [
      profile(pen, 10_000, { inputTokens: 1000, outputTokens: 200, batchable: 0.4 }),
      profile(pencil, 10, { inputTokens: 5 }),
    ];
    expect(ask(works).execution).toEqual([
      {
        ...{ modality: 'text', model: 'house/pen', tier: 'batch', share: 0.4 },
        ...{ cost_usd: '110', tier_cost_usd: '55', saving_usd_per_month: '22' },
      },
    ]);
  });
});

describe('ceilings', () => {
  // 43,800 minutes a month: ten calls a minute.
  const work = {
    ...profile(pen, 438_000, { inputTokens: 1000, outputTokens: 200 }),
    latency: { average: 3, median: 2 },
  };
  test('are met at the multiple of the volume that fills them, the nearest first', () => {
    const rateLimits = {
      'house/pen': { rpm: 100, tpm: 6000, concurrent: 5, images_per_minute: 1 },
      'house/no': { rpm: 1 },
    };
    expect(
      ask([work], { rateLimits }).ceilings.map((one) => [one.model, one.limit.name, one.reached_at_multiple]),
    ).toEqual([
      ['house/pen', 'tpm', '0.5'],
      ['house/pen', 'rpm', '10'],
      ['house/pen', 'concurrent', '10'],
      ['house/pen', 'images_per_minute', null],
      ['house/no', 'rpm', null],
    ]);
  });
  test('come sooner where the load has peaks, and are not guessed without a latency', () => {
    const rateLimits = { 'house/pen': { rpm: 100, concurrent: 5 } };
    const { latency: _, ...unmeasured } = work;
    const found = ask([unmeasured], { rateLimits, peak: 4 }).ceilings;
    expect(found.map((one) => one.reached_at_multiple)).toEqual(['2.5', null]);
    expect(found[1]?.note).toContain('not measured');
  });
});

describe('break-even', () => {
  const machine = (more: Partial<SelfHosted> = {}): SelfHosted => ({
    gpuHourUsd: ['1.20', '1.20'],
    utilisation: ['1', '1'],
    redundancy: 1,
    fixedMonthlyUsd: ['0', '0'],
    extraUsdPerOutput: ['0', '0'],
    outputsAtOnce: 1,
    secondsPerOutput: { all: ['3.2', '3.2'], by: {} },
    ...more,
  });
  const against = (own: Partial<SelfHosted>, works = [profile(fresco, 100_000)]) =>
    ask(works, { selfHosted: machine(own), multiples: [1, 10] }).break_even[0];

  test('at $1.20 an hour against $0.003: 400 an hour, 292,000 a month', () => {
    expect(against({})).toMatchObject({
      api_unit_cost_usd: '0.003',
      self_hosted: {
        fixed_monthly_usd: ['876', '876'],
        // $1.20 for 1125 outputs an hour
        marginal_usd_per_output: ['0.001066666667', '0.001066666667'],
        capacity_per_machine_month: ['821250', '821250'],
      },
      outputs_per_month: ['292000', '292000'],
      always_from: ['292000', '292000'],
      curve: [
        { multiple: 1, outputs: 100_000, api_usd: '300', self_hosted_usd: ['876', '876'], machines: ['1', '1'] },
        { multiple: 10, outputs: 1_000_000, api_usd: '3000', self_hosted_usd: ['1752', '1752'], machines: ['2', '2'] },
      ],
    });
  });

  test('at $3.51 an hour never: a busy machine makes 1,125 an hour and would have to make 1,170', () => {
    const found = against({ gpuHourUsd: ['3.51', '3.51'] });
    expect(found?.outputs_per_month).toBeNull();
    expect(found?.reason).toBe('even in the best case, one output of a busy machine costs $0.00312, of the API $0.003');
    expect(found?.curve).toHaveLength(2);
  });

  test('between a best and a worst case, the worst of which may never pay', () => {
    const found = against({ gpuHourUsd: ['1.20', '3.51'], utilisation: ['0.5', '1'], fixedMonthlyUsd: ['124', '500'] });
    // ($876 + $124) / $0.003
    expect(found?.outputs_per_month).toEqual(['333334', null]);
    expect(found?.self_hosted).toMatchObject({
      fixed_monthly_usd: ['1000', '3062.3'],
      capacity_per_machine_month: ['410625', '821250'],
    });
    expect(found?.reason).toMatch(/^in the worst case never/);
  });

  test('a step may make the API cheaper once more: two volumes', () => {
    // At 40 % a machine makes 328,500: eight must run before one more always pays.
    expect(against({ utilisation: ['0.4', '0.4'] })).toMatchObject({
      outputs_per_month: ['292000', '292000'],
      always_from: ['2336000', '2336000'],
    });
  });

  test('machines kept for safety are paid for from the first output', () => {
    expect(against({ redundancy: 2 })?.outputs_per_month?.[0]).toBe('584000');
    expect(against({ extraUsdPerOutput: ['0.001', '0.001'] })?.outputs_per_month?.[0]).toBe('438000');
    expect(against({ outputsAtOnce: 4 })?.self_hosted?.capacity_per_machine_month[0]).toBe('3285000');
  });

  test('seconds are declared for a model before its modality, else measured, never made up', () => {
    const by = { 'house/fresco': ['2', '3'], image: ['9', '9'] } as const;
    expect(against({ secondsPerOutput: { by } })?.assumptions).toMatchObject({
      seconds_per_output: ['2', '3'],
      seconds_source: 'declared',
    });
    const none = against({ secondsPerOutput: { by: {} } });
    expect([none?.outputs_per_month, none?.reason]).toEqual([
      null,
      'the seconds of one output are neither declared nor measured',
    ]);
    const images = { calls: 10, estimated: 0, metered: [{ meter: 'images' as const, quantity: 10 }] };
    const measured = (more: Partial<MixRow>) =>
      against({ secondsPerOutput: { by: {} } }, [workloadOfMix(mixRow(fresco, [images], more), fresco, month)]);
    const latency = { average: 4, median: 3.2 };
    expect(measured({ latency })?.assumptions.seconds_per_output).toEqual(['3.2', '4']);
    expect(measured({ latency, simulated: 1 })?.assumptions.seconds_per_output).toBeNull();
  });

  test('computing time that was billed is a measurement; an API without a price compares with nothing', () => {
    const metered = [{ meter: 'gpu_seconds' as const, quantity: 25 }];
    const runs = workloadOfMix(
      mixRow(model('unknown', 'music'), [{ calls: 10, estimated: 0, metered }]),
      model('unknown', 'music'),
      month,
    );
    expect(against({ secondsPerOutput: { by: {} } }, [runs])).toMatchObject({
      assumptions: { seconds_per_output: ['2.5', '2.5'], seconds_source: expect.stringContaining('computing seconds') },
      api_unit_cost_usd: null,
      outputs_per_month: null,
      reason: 'the API has no known price',
    });
  });

  test('only the models asked for', () => {
    const works = [profile(fresco, 1), profile(pen, 1, { inputTokens: 1 })];
    const names = (only?: string[]) =>
      ask(works, { selfHosted: machine(only ? { only } : {}) }).break_even.map((one) => one.model);
    expect(names()).toEqual(['house/fresco', 'house/pen']);
    expect(names(['text'])).toEqual(['house/pen']);
    expect(names(['house/fresco'])).toEqual(['house/fresco']);
    expect(against({}, [profile(fresco, 7, { n: 2 })])?.assumptions.output_holds).toEqual({ images: 2 });
  });
});
