import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shipped } from '../../config/files.ts';
import { loadConfig } from '../../config/load.ts';
import { png, speechPcm, wav } from '../../providers/simulators/media/index.ts';
import { mp4 } from '../../providers/simulators/media/mp4.ts';
import { at, type JsonObject, listAt, type Model, numberAt, stringAt } from '../../src/contract/index.ts';
import { parseUsd } from '../../src/meter/money.ts';
import { clientOf } from '../http/doors.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';

const { models } = await loadConfig(shipped);
const today = new Date().toISOString().slice(0, 10);
const callable = models.filter(({ shutdownDate }) => shutdownDate === undefined || shutdownDate > today);

/** Billed by the time that they compute: no request bounds it. */
const open = /^(local|stable-diffusion-webui|comfyui|nim-3d)\/|^replicate\/meta\/musicgen$/;
/** Billed in credits that only the answer tells: nobody publishes how many a request takes. */
const untold = /^(runway\/(seedance2|aleph2|eleven_text_to_sound_v2)|tripo\/.*)$/;

const dataUrl = (type: string, bytes: Uint8Array) => `data:${type};base64,${Buffer.from(bytes).toString('base64')}`;
const sampleRate = 16_000;
const spoken = speechPcm({ text: 'The lamp of the old lighthouse is lit again.', sampleRate, seed: 'quoted' });
const sound = dataUrl('audio/wav', wav(spoken, { sampleRate, channels: 1 }));
const film = dataUrl('video/mp4', mp4({ width: 320, height: 180, seconds: 2, seed: 'quoted' }));
const picture = dataUrl('image/png', png({ width: 512, height: 512, seed: 'quoted' }));

/** The smallest request that the model takes. */
function requestFor(model: Model): JsonObject {
  const { modality } = model;
  const input = 'A lighthouse at dusk, seen from the sea: "Über den Wellen".';
  const base = { model: model.id, modality };
  if (modality === 'transcription') return { ...base, input: sound };
  if (modality === 'text') return { ...base, input, max_tokens: 60 };
  if (modality === 'video' || modality === 'music' || modality === 'sound_effect') {
    const seconds = numberAt(model.capabilities, 'seconds', 'min');
    const resolution = listAt(model.capabilities, 'resolutions')[0];
    return { ...base, input, ...(seconds === undefined ? {} : { seconds }), ...(resolution ? { resolution } : {}) };
  }
  return { ...base, input };
}

describe('every model of the house, run once on its simulator: the receipt lies within the quote', () => {
  let gateway: RunningGateway;
  const { post } = clientOf(() => gateway);
  beforeAll(async () => {
    gateway = await startGateway();
  }, 60_000);
  afterAll(() => gateway.close());

  /** Some models only change pictures or films: they say so. */
  async function run(body: JsonObject) {
    const made = await post('/v1/generations', body);
    const lacks = /needs (images?|video)\./.exec(made.text)?.[1];
    if (made.status !== 400 || lacks === undefined) return { body, made };
    const changed = { ...body, ...(lacks === 'video' ? { video: film } : { images: [picture] }) };
    return { body: changed, made: await post('/v1/generations', changed) };
  }

  test.concurrent.each(callable.map((model) => [model.id, model] as const))('%s', async (id, model) => {
    const { body, made } = await run(requestFor(model));
    expect(made.status, made.text.slice(0, 500)).toBe(200);
    const quoted = at((await post('/v1/quote', body)).body, 'candidates', 0);
    const [min, max] = [stringAt(quoted, 'min'), stringAt(quoted, 'max')];
    const receipt = at(made.body, 'receipt');
    const total = stringAt(receipt, 'total');
    const told = JSON.stringify({ quoted, receipt });
    if (stringAt(quoted, 'status') === 'unpriced' && !open.test(id)) {
      expect(total !== undefined, told).toBe(untold.test(id));
      return;
    }
    expect(total, told).toBeDefined();
    expect(untold.test(id), told).toBe(false);
    expect(parseUsd(total ?? '-1'), told).toBeGreaterThanOrEqual(parseUsd(min ?? '0'));
    if (open.test(id)) return;
    expect(max, told).toBeDefined();
    expect(parseUsd(total ?? '-1'), told).toBeLessThanOrEqual(parseUsd(max ?? '0'));
  });
});
