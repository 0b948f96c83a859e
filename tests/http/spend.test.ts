import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, type Json, type JsonObject } from '../../src/contract/index.ts';
import { readCsv } from '../../src/meter/csv.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { clientOf, pico } from './doors.ts';

let gateway: RunningGateway;
const { send, post } = clientOf(() => gateway);

const made = async (body: JsonObject, headers: Record<string, string> = {}): Promise<JsonObject> => {
  const answer = await post('/v1/generations', { wait: 30, ...body }, { headers });
  expect(answer.status, answer.text).toBe(200);
  return answer.body as JsonObject;
};
const spend = async (query: string, key?: string): Promise<JsonObject> => {
  const answer = await send(`/v1/spend?simulated=include&${query}`, key ? { key } : {});
  expect(answer.status, answer.text).toBe(200);
  return answer.body as JsonObject;
};
const rowsOf = (body: Json) => at(body, 'rows') as JsonObject[];
const sumOf = (rows: readonly JsonObject[], name: string) =>
  rows.reduce((sum, row) => sum + pico(String(row[name])), 0n);
const table = (text: string): Record<string, string>[] => {
  const [head, ...rows] = readCsv(text);
  return rows.map((row) => Object.fromEntries(head!.map((name, place) => [name, row[place] ?? ''])));
};

const chat = { model: 'openai/gpt-5.5', modality: 'text' };
let receipts = 0n;

beforeAll(async () => {
  gateway = await startGateway();
  const about = (workflow: string, user: string) => ({ 'x-atelier-workflow': workflow, 'x-atelier-user': user });
  const all = [
    await made({ ...chat, input: 'One.', tags: { team: 'sea', '+x': '=1' } }, about('film', 'ann')),
    await made({ ...chat, input: 'Two, longer.', tags: { team: 'land' } }, about('film', 'bob')),
    await made({ model: 'openai/gpt-image-1', modality: 'image', prompt: 'A boat.' }, about('film', 'ann')),
    await made(
      { model: 'openai/tts-1', modality: 'speech', input: 'Hello there.', voice: 'alloy' },
      about('talk', 'ann'),
    ),
  ];
  receipts = all.reduce((sum, one) => sum + pico(String(at(one, 'receipt', 'total'))), 0n);
  // A model nobody has a price for.
  expect(
    (
      await post('/v1/chat/completions', {
        model: 'openrouter/nobody/has-priced-this',
        messages: [{ role: 'user', content: 'x' }],
      })
    ).status,
  ).toBe(200);
}, 60_000);
afterAll(() => gateway.close());

describe('GET /v1/spend', () => {
  it('keeps its shape, and shows what is unpriced beside all money', async () => {
    const body = await spend('group_by=modality');
    expect(body).toMatchObject({ currency: 'USD', from: null, to: null, group_by: ['modality'], simulated: 'include' });
    expect(rowsOf(body).map((row) => row.modality)).toEqual(['image', 'speech', 'text']);
    expect(pico(String(body.total_usd))).toBe(receipts);
    expect(sumOf(rowsOf(body), 'cost_usd')).toBe(receipts);
    expect(body.total).toMatchObject({
      generations: 5,
      attempts: 5,
      unpriced: 1,
      failed_attempts: 0,
      open_attempts: 0,
    });
    expect(rowsOf(body)[2]).toMatchObject({
      ...{ generations: 3, attempts: 3, unpriced: 1, estimated: 0, cache_hits: 0, avoided_usd: '0' },
      units: [{ unit: '1m_tokens' }],
    });
    for (const row of rowsOf(body)) {
      expect(pico(String(row.charge_usd))).toBe(pico(String(row.cost_usd)));
      expect(pico(String(row.p95_usd))).toBeGreaterThanOrEqual(pico(String(row.p50_usd)));
    }
    expect(rowsOf(body)[0]).toMatchObject({
      units: expect.arrayContaining([expect.objectContaining({ unit: 'image', quantity: '1' })]),
    });
    const image = (rowsOf(body)[0]!.units as JsonObject[]).find((unit) => unit.unit === 'image')!;
    expect(image).toMatchObject({ unit_cost_usd: rowsOf(body)[0]!.cost_usd, p50_usd: rowsOf(body)[0]!.cost_usd });
  });

  it('groups by everything it says it does, each adding up to the total', async () => {
    for (const group of ['provider', 'model', 'unit', 'key', 'project', 'user', 'workflow', 'parent', 'day', 'hour']) {
      const body = await spend(`group_by=${group}`);
      expect(sumOf(rowsOf(body), 'cost_usd'), group).toBe(receipts);
      expect(pico(String(body.total_usd)), group).toBe(receipts);
    }
    const tags = rowsOf(await spend('group_by=tag'));
    expect(tags.map((row) => row.tag)).toEqual(['', '+x==1', 'team=land', 'team=sea']);
    const units = rowsOf(await spend('group_by=unit,modality'));
    expect(units.find((row) => row.modality === 'speech')).toMatchObject({
      ...{ unit: 'characters', meter: 'input_characters' },
      units: [{ unit: '1k_characters', unit_cost_usd: '0.015', p50_usd: '0.015' }],
    });
    expect(units.filter((row) => row.modality === 'text').every((row) => row.unit === 'tokens')).toBe(true);
    expect((await send('/v1/spend?group_by=colour')).status).toBe(400);
  });

  it('filters by any of them, and totals a workflow over all that ran in it', async () => {
    const film = await spend('group_by=modality&workflow=film');
    expect(rowsOf(film).map((row) => [row.modality, row.generations])).toEqual([
      ['image', 1],
      ['text', 2],
    ]);
    const talk = await spend('group_by=&workflow=talk');
    expect(pico(String(film.total_usd)) + pico(String(talk.total_usd))).toBe(receipts);
    expect(rowsOf(await spend('group_by=tag&tag=team%3Dsea&tag=team%3Dland')).map((row) => row.tag)).toEqual([
      '+x==1',
      'team=land',
      'team=sea',
    ]);
    expect(rowsOf(await spend('group_by=model&modality=image&modality=speech')).map((row) => row.model)).toEqual([
      'openai/gpt-image-1',
      'openai/tts-1',
    ]);
    expect(rowsOf(await spend('group_by=model&unit=characters')).map((row) => row.model)).toEqual(['openai/tts-1']);
    // A user as the app calls it, and as the report does.
    const users = rowsOf(await spend('group_by=user&workflow=film'));
    expect(users).toHaveLength(2);
    expect(users.every((row) => /^user_[0-9a-f]{32}$/.test(String(row.user)))).toBe(true);
    const ann = await spend('group_by=user&user=ann');
    expect(rowsOf(ann)).toMatchObject([{ generations: 3 }]);
    expect(await spend(`group_by=user&user=${rowsOf(ann)[0]!.user}`)).toMatchObject({ total_usd: ann.total_usd });
    expect(rowsOf(await spend('group_by=key&key_name=nobody'))).toEqual([]);
    const today = new Date().toISOString().slice(0, 10);
    expect((await spend(`group_by=day&day=${today}`)).total_usd).toBe((await spend('group_by=')).total_usd);
    expect((await send('/v1/spend?day=soon')).status).toBe(400);
  });

  it('shows the dearest rows of many, with the others in one', async () => {
    const body = await spend('group_by=model&limit=1');
    expect(rowsOf(body)).toHaveLength(1);
    expect(pico(String(rowsOf(body)[0]!.cost_usd)) + pico(String(at(body, 'rest', 'cost_usd')))).toBe(receipts);
    expect(at(body, 'rest', 'unpriced')).toBe(1);
    for (const limit of ['0', '10001', 'x']) expect((await send(`/v1/spend?limit=${limit}`)).status).toBe(400);
  });

  it('leaves simulated spend out unless it is asked for', async () => {
    expect((await send('/v1/spend')).body).toMatchObject({ total_usd: '0', rows: [] });
    expect((await send('/v1/spend?simulated=only')).body).toMatchObject({ total: { attempts: 5 } });
  });

  it('writes CSV, a line for each group, with nothing that a spreadsheet would run', async () => {
    const answer = await send('/v1/spend?simulated=include&group_by=tag,modality&format=csv');
    expect(answer.headers.get('content-type')).toContain('text/csv');
    const rows = table(answer.text);
    expect(rows.map((row) => `${row.tag} ${row.modality}`)).toEqual([
      ...[' image', ' speech', ' text'],
      ...["'+x==1 text", 'team=land text', 'team=sea text'],
    ]);
    expect(rows[0]).toMatchObject({ unit: 'image', quantity: '1', generations: '1', unpriced: '0' });
    expect(rows[0]!.unit_cost_usd).toBe(rows[0]!.cost_usd);
    expect(rows[1]).toMatchObject({ unit: 'minute' });
    expect(Object.keys(JSON.parse(rows[1]!.units!) as object).sort()).toEqual(['1k_characters', 'minute']);
  });

  it('writes FOCUS charges that add up to the ledger, unpriced ones without a cost', async () => {
    const answer = await send('/v1/spend?simulated=include&format=focus');
    const rows = table(answer.text);
    const today = new Date().toISOString().slice(0, 10);
    const billed = rows.filter((row) => row.BilledCost !== '');
    expect(billed.reduce((sum, row) => sum + pico(row.BilledCost!), 0n)).toBe(receipts);
    const unpriced = rows.filter((row) => row.x_cost_status === 'unpriced');
    expect(unpriced.length).toBeGreaterThan(0);
    for (const row of unpriced) {
      expect(row).toMatchObject({
        BilledCost: '',
        ListCost: '',
        ListUnitPrice: '',
        ResourceId: 'openrouter/nobody/has-priced-this',
      });
    }
    for (const row of rows) {
      expect(row).toMatchObject({
        ...{ BillingCurrency: 'USD', ChargeCategory: 'Usage', ServiceCategory: 'AI and Machine Learning' },
        ...{ InvoiceIssuerName: row.ProviderName, ChargePeriodStart: `${today}T00:00:00Z`, BillingAccountId: 'main' },
        ...{ BillingPeriodStart: `${today.slice(0, 7)}-01T00:00:00Z`, x_simulated: 'true' },
      });
      expect(row.EffectiveCost).toBe(row.BilledCost);
    }
    expect(rows.find((row) => row.x_modality === 'speech')).toMatchObject({
      ...{ SkuMeter: 'input_characters', ConsumedQuantity: '12', ConsumedUnit: 'characters', x_attempts: '1' },
      ...{
        ResourceName: 'openai/tts-1',
        ListUnitPrice: '15',
        PricingQuantity: '0.000012',
        PricingUnit: '1000000 characters',
      },
    });
    const tags = rows.filter((row) => row.x_modality === 'text').map((row) => JSON.parse(row.Tags!) as object);
    expect(tags).toContainEqual({ team: 'sea', '+x': '=1' });
    const named = table((await send('/v1/spend?simulated=include&format=focus&tags=team')).text);
    expect(named.map((row) => row.Tags)).toContain('{"team":"sea"}');
    const bare = table((await send('/v1/spend?simulated=include&format=focus&tags=none')).text);
    expect(new Set(bare.map((row) => row.Tags))).toEqual(new Set(['{}']));
    expect(bare.filter((row) => row.BilledCost).reduce((sum, row) => sum + pico(row.BilledCost!), 0n)).toBe(receipts);
    expect((await send('/v1/spend?format=xml')).status).toBe(400);
  });

  it('shows a key without the scope nothing but its own', async () => {
    const created = await post('/v1/keys', { name: 'other', scopes: ['generate'] }, { key: gateway.adminKey });
    const key = String(at(created.body, 'key'));
    expect(await spend('group_by=', key)).toMatchObject({ total: { attempts: 0 } });
    expect((await send('/v1/spend?simulated=include&format=focus', { key })).text.trim().split('\n')).toHaveLength(1);
    expect(await spend('group_by=', gateway.adminKey)).toMatchObject({ total: { attempts: 5 } });
  });
});

describe('POST /v1/reconcile', () => {
  const today = new Date().toISOString().slice(0, 10);
  const put = async (csv: string, query = '', headers: Record<string, string> = { 'content-type': 'text/csv' }) =>
    send(`/v1/reconcile?simulated=include&${query}`, { method: 'POST', body: csv, headers, key: gateway.adminKey });

  it('sets an export against the ledger, by model and meter', async () => {
    const lines = rowsOf(await spend('group_by=model,unit')).filter((row) => row.model === 'openai/gpt-5.5');
    const quantity = (meter: string) => {
      const row = lines.find((one) => one.meter === meter)!;
      return Math.round(Number(at(row.units, 0, 'quantity')) * 1e6);
    };
    const cost = (meter: string) => String(lines.find((one) => one.meter === meter)!.cost_usd);
    const input = quantity('input_text_tokens');
    const csv = [
      'date,model,unit,quantity,cost_usd',
      `${today},gpt-5.5-2026-04-23,input,${input * 2},$1`,
      `${today},gpt-5.5,output_tokens,${quantity('output_text_tokens')},${cost('output_text_tokens')}`,
      `${today},whisper-9,seconds,60,0.006`,
      '2020-01-01,gpt-5.5,input,5,1',
    ].join('\n');
    const answer = await put(csv, `provider=openai&from=${today}`);
    expect(answer.status, answer.text).toBe(200);
    const rows = rowsOf(answer.body);
    expect(rows.find((row) => row.meter === 'output_text_tokens')).toMatchObject({
      ...{ model: 'openai/gpt-5.5', side: 'both' },
      drift: { quantity: 0, quantity_percent: '0', cost_usd: '0', cost_percent: '0' },
    });
    expect(rows.find((row) => row.model === 'openai/gpt-5.5' && row.meter === 'input_text_tokens')).toMatchObject({
      theirs: { quantity: input * 2, cost_usd: '1' },
      drift: { quantity: -input, quantity_percent: '-50' },
    });
    expect(rows.find((row) => row.model === 'whisper-9')).toMatchObject({ side: 'theirs', ours: { quantity: null } });
    expect(rows.find((row) => row.model === 'openai/tts-1')).toMatchObject({
      side: 'ours',
      theirs: { cost_usd: null },
    });
    expect(answer.body).toMatchObject({ rows_read: 4, rows_outside: 1, columns: { cost: 'cost_usd', meter: 'unit' } });
    expect(pico(String(at(answer.body, 'total', 'ours_usd')))).toBe(receipts);
  });

  it('takes columns by other names, as JSON too', async () => {
    const csv = `When;Thing;Paid\n${today};openai/tts-1;0.00018\n`;
    const columns = { date: 'When', model: 'Thing', cost: 'Paid' };
    const named = await put(JSON.stringify({ csv, columns }), '', { 'content-type': 'application/json' });
    expect(rowsOf(named.body).find((row) => row.model === 'openai/tts-1')).toMatchObject({
      ...{ meter: '', side: 'both', drift: { cost_usd: '0', cost_percent: '0' } },
    });
    const asked = await put(csv, 'date_column=When&model_column=Thing&cost_column=Paid');
    expect(asked.body).toEqual(named.body);
  });

  it('refuses what it cannot read, and everybody but the operator', async () => {
    for (const csv of ['', 'a,b\n1,2', 'model,cost\nx,many', 'model,cost,currency\nx,1,EUR', 'model,cost\n"x,1']) {
      expect((await put(csv)).body, csv).toMatchObject({ error: { code: 'invalid_request' } });
    }
    expect((await post('/v1/reconcile', 'model,cost\nx,1')).status).toBe(403);
  });
});
