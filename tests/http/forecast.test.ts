import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { at, type JsonObject } from '../../src/contract/index.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { clientOf, pico } from './doors.ts';

type Forecast = {
  basis: string;
  ledger?: { generations: number; months: number; simulated: string };
  rows: {
    modality: string;
    model: string;
    per_month: number;
    unit_cost_usd: string | null;
    curve: { multiple: number; outputs: number; cost_usd: string | null; cost_status: string }[];
  }[];
  total: { multiple: number; cost_usd: string | null; unpriced: number }[];
  substitutions: { modality: string; from: string; to: string; saving_usd_per_month: string }[];
  execution: { tier: string; saving_usd_per_month: string }[];
  ceilings: { reached_at_multiple: string | null }[];
  break_even: { outputs_per_month: [string, string | null] | null; reason?: string; assumptions: JsonObject }[];
};

let gateway: RunningGateway;
const { post, spent } = clientOf(() => gateway);
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const forecast = async (body: JsonObject, key?: string) => {
  const answer = await post('/v1/forecast', body, key ? { key } : {});
  expect(answer.status, answer.text).toBe(200);
  return answer.body as unknown as Forecast;
};
const simulated = { from_ledger: { simulated: true } };

describe('POST /v1/forecast from a profile', () => {
  test('the curve, batch, what costs less, limits and machines of one is own', async () => {
    const before = await spent();
    const answer = await forecast({
      profile: [
        { modality: 'image', model: 'replicate/black-forest-labs/flux-schnell', per_month: 100_000 },
        { model: 'openai/gpt-5.5', per_month: 10_000, input_tokens: 1000, output_tokens: 200, share_batchable: '0.5' },
      ],
      self_hosted: { models: ['image'], gpu_hour_usd: '1.20', seconds_per_output: { image: 3.2 }, utilisation: [1, 1] },
      rate_limits: { 'openai/gpt-5.5': { rpm: 10 } },
    });
    expect(answer.basis).toBe('profile');
    expect(answer.rows.map((row) => row.curve.map((point) => point.cost_usd))).toEqual([
      ['300', '900', '3000', '9000', '30000'],
      ['110', '330', '1100', '3300', '11000'],
    ]);
    expect(answer.total[2]).toEqual({ multiple: 10, cost_usd: '4100', unpriced: 0 });
    expect(answer.execution.map((one) => [one.tier, one.saving_usd_per_month])).toEqual([
      ['batch', '27.5'],
      ['flex', '27.5'],
    ]);
    expect(answer.ceilings[0]?.reached_at_multiple).toBe('43.8');
    expect(answer.break_even).toMatchObject([{ outputs_per_month: ['292000', '292000'] }]);
    expect(answer.substitutions.length).toBeGreaterThan(0);
    for (const one of answer.substitutions) {
      expect(one.modality).toBe(answer.rows.find((row) => row.model === one.from)?.modality);
      expect(pico(one.saving_usd_per_month)).toBeGreaterThan(0n);
    }
    expect(await spent(), 'nothing is booked').toBe(before);
  });

  test('declared meters and words mean the same; a model of which nothing is known has no price', async () => {
    const profile: JsonObject[] = [
      { model: 'openai/whisper-1', per_month: 10, usage: { input_audio_seconds: 30 } },
      { model: 'openai/whisper-1', per_month: 10, seconds: 30 },
      { model: 'openai/gpt-7', modality: 'text', per_month: 10, usage: { input_tokens: 9, output_tokens: 1 } },
    ];
    const answer = await forecast({ profile, multiples: [2] });
    expect(answer.rows.map((row) => row.curve)).toEqual([
      [{ multiple: 2, outputs: 20, cost_usd: '0.06', cost_status: 'priced' }],
      [{ multiple: 2, outputs: 20, cost_usd: '0.06', cost_status: 'priced' }],
      [{ multiple: 2, outputs: 20, cost_usd: null, cost_status: 'unpriced' }],
    ]);
    expect(answer.total).toEqual([{ multiple: 2, cost_usd: '0.12', unpriced: 20 }]);
  });

  const flux = { model: 'replicate/black-forest-labs/flux-schnell', per_month: 1 };
  const own = { gpu_hour_usd: 1, seconds_per_output: 1 };
  test.each<[JsonObject, string, number]>([
    [{ profile: [] }, 'profile', 400],
    [{ profile: [{ ...flux, per_month: -1 }] }, 'profile.0.per_month', 400],
    [{ profile: [{ ...flux, per_month: 'many' }] }, 'profile.0.per_month', 400],
    [{ profile: [flux, { ...flux, modality: 'scent' }] }, 'profile.1.modality', 400],
    [{ profile: [{ ...flux, modality: 'text' }] }, 'profile.0.model', 400],
    [{ profile: [{ model: 'nobody/knows', modality: 'text', per_month: 1, input_tokens: 1 }] }, 'profile.0.model', 404],
    [{ profile: [{ model: 'openai/gpt-7', per_month: 1 }] }, 'profile.0.modality', 400],
    [{ profile: [{ model: 'openai/gpt-5.5', per_month: 1 }] }, 'profile.0.input_tokens', 400],
    [{ profile: [{ model: 'openai/gpt-4o-mini-tts', per_month: 1 }] }, 'profile.0.characters', 400],
    [{ profile: [{ model: 'openai/whisper-1', per_month: 1 }] }, 'profile.0.seconds', 400],
    [{ profile: [{ ...flux, usage: { pictures: 1 } }] }, 'profile.0.usage.pictures', 400],
    [{ profile: [flux], from_ledger: {} }, 'from_ledger', 400],
    [{ from_ledger: { from: '2026-12-01', to: '2026-11-01' } }, 'from_ledger.from', 400],
    [{ from_ledger: { from: 'yesterday' } }, 'from_ledger.from', 400],
    [{ profile: [flux], multiples: [0] }, 'multiples.0', 400],
    [{ profile: [flux], self_hosted: { seconds_per_output: 1 } }, 'self_hosted.gpu_hour_usd', 400],
    [{ profile: [flux], self_hosted: { ...own, gpu_hour_usd: [3, 1] } }, 'self_hosted.gpu_hour_usd', 400],
    [{ profile: [flux], self_hosted: { ...own, utilisation: 1.5 } }, 'self_hosted.utilisation', 400],
    [{ profile: [flux], self_hosted: { ...own, redundancy: 0 } }, 'self_hosted.redundancy', 400],
    [{ profile: [flux], rate_limits: { x: { rpm: 0 } } }, 'rate_limits.x.rpm', 400],
    [{ profil: [flux] }, 'profil', 400],
  ])('refuses what it cannot read and names it: %j', async (body, param, status) => {
    const answer = await post('/v1/forecast', body);
    expect([answer.status, at(answer.body, 'error', 'param')], answer.text).toEqual([status, param]);
  });

  test('a key is needed', async () => {
    expect((await post('/v1/forecast', { profile: [flux] }, { key: 'atl_live_no' })).status).toBe(401);
  });
});

describe('POST /v1/forecast from the ledger', () => {
  test('an empty ledger forecasts nothing, not zero of something', async () => {
    expect(await forecast({})).toMatchObject({ basis: 'ledger', rows: [], ledger: { generations: 0, months: 1 } });
  });

  test('is what was really generated: outputs, models, cost at 1x, and ten times that at 10x', async () => {
    const bodies: JsonObject[] = [
      { model: 'openai/gpt-5.5', modality: 'text', input: 'Tell me about a river.' },
      { model: 'openai/gpt-5.5', modality: 'text', input: 'And about the sea.' },
      { model: 'replicate/black-forest-labs/flux-schnell', input: 'a river', n: 2 },
      { model: 'openai/gpt-4o-mini-tts', input: 'A river runs.', voice: 'coral' },
    ];
    let booked = 0n;
    for (const body of bodies) {
      const made = await post('/v1/generations', body);
      expect(made.status, made.text).toBe(200);
      booked += pico(String(at(made.body, 'receipt', 'total')));
    }
    const answer = await forecast({ ...simulated, multiples: [1, 10] });
    expect(answer.ledger).toMatchObject({ generations: 4, months: 1, simulated: 'include' });
    expect(answer.rows.map((row) => [row.modality, row.model, row.per_month])).toEqual([
      ['image', 'replicate/black-forest-labs/flux-schnell', 1],
      ['speech', 'openai/gpt-4o-mini-tts', 1],
      ['text', 'openai/gpt-5.5', 2],
    ]);
    expect(answer.rows[0]?.unit_cost_usd).toBe('0.006');
    const [once, tenfold] = answer.total.map((total) => pico(total.cost_usd ?? ''));
    expect([once, tenfold]).toEqual([booked, booked * 10n]);
    expect(await spent()).toBe(answer.total[0]?.cost_usd);
    // Two cheaper pictures are two pictures with the other model too.
    const pictures = answer.substitutions.filter((one) => one.modality === 'image');
    for (const one of pictures) expect(one.from).toBe('replicate/black-forest-labs/flux-schnell');
  });

  test('simulated work is left out unless asked for, and a longer period is scaled to a month', async () => {
    expect((await forecast({})).rows).toEqual([]);
    const to = new Date(Date.now() + 60_000).toISOString();
    const from = new Date(Date.parse(to) - 2 * 730 * 3_600_000).toISOString();
    const answer = await forecast({ from_ledger: { from, to, simulated: 'only' } });
    expect(answer.ledger?.months).toBe(2);
    expect(answer.rows.find((row) => row.modality === 'text')?.per_month).toBe(1);
  });

  test('simulated answers measure nothing: seconds must be declared', async () => {
    const [none] = (await forecast({ ...simulated, self_hosted: { gpu_hour_usd: 2 } })).break_even;
    expect(none).toMatchObject({
      outputs_per_month: null,
      reason: expect.stringContaining('neither declared nor measured'),
    });
    const declared = { gpu_hour_usd: [1, 3], seconds_per_output: [0.5, 1] };
    const [image] = (await forecast({ ...simulated, self_hosted: declared })).break_even;
    // $730 a machine-month at best, $0.006 for two pictures
    expect(image?.outputs_per_month?.[0]).toBe('121667');
  });

  test('a key sees its own mix, one with the spend scope and the operator see all', async () => {
    const admin = { key: gateway.adminKey };
    const plain = String(at((await post('/v1/keys', { name: 'plain' }, admin)).body, 'key'));
    const made = await post(
      '/v1/generations',
      { model: 'openai/gpt-5.5', modality: 'text', input: 'Mine.' },
      { key: plain },
    );
    expect(made.status, made.text).toBe(200);
    const outputs = async (key?: string) => (await forecast(simulated, key)).rows.map((row) => row.per_month);
    expect(await outputs(plain)).toEqual([1]);
    expect(await outputs()).toEqual([1, 1, 3]);
    expect(await outputs(gateway.adminKey)).toEqual([1, 1, 3]);
  });
});
