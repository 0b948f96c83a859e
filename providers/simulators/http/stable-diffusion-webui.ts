import { at, encodeBase64, isObject, type JsonObject, stringAt } from '../../../src/contract/index.ts';
import { png, speechPcm, wav } from '../media/index.ts';
import { json } from '../requests.ts';
import { hash32 } from '../seed.ts';
import { createSimulator, type Simulator, type SimulatorContext, type SimulatorOptions } from '../simulator.ts';
import { taskFaultIn } from '../tasks.ts';
import { type Asked, Files, numberOr, vendorHandler } from './wire.ts';

const samplers = ['Euler', 'Euler a', 'DPM++ 2M', 'DPM++ SDE', 'Heun', 'LMS', 'DDIM', 'UniPC'];
const ranges: Record<string, [least: number, most: number]> = {
  width: [64, 2048],
  height: [64, 2048],
  batch_size: [1, 8],
  n_iter: [1, 100],
  steps: [1, 150],
  cfg_scale: [1, 30],
  denoising_strength: [0, 1],
};

/**
 * The web UI's API: txt2img and img2img answer when the pictures are made; progress tells of the picture under way, so mostly 0.
 * https://github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/API
 */
export function stableDiffusionWebui(options?: SimulatorOptions): Simulator {
  return createSimulator('stable-diffusion-webui', handler, options);
}

function handler(context: SimulatorContext) {
  const progress = () =>
    json({
      progress: 0,
      eta_relative: 0,
      state: {
        skipped: false,
        interrupted: false,
        job: '',
        job_count: 0,
        job_no: 0,
        sampling_step: 0,
        sampling_steps: 0,
      },
      current_image: null,
      textinfo: null,
    });
  return vendorHandler(context, { refuse, writeError }, new Files(), [
    ['POST', '/sdapi/v1/txt2img', (asked) => make(context, asked, false)],
    ['POST', '/sdapi/v1/img2img', (asked) => make(context, asked, true)],
    ['GET', '/sdapi/v1/progress', progress],
    ['GET', '/sdapi/v1/samplers', () => json(samplers.map((name) => ({ name, aliases: [], options: {} })))],
  ]);
}

/** Open unless started with --api-auth; what is sent must then be of that form. */
function refuse(request: Request): Response | undefined {
  const sent = request.headers.get('authorization');
  return sent === null || /^Basic \S+$/.test(sent) ? undefined : json({ detail: 'Not authenticated' }, 401);
}

function writeError(status: number, message: string): Response {
  if (status < 500) return json({ detail: message }, status);
  return json({ error: 'RuntimeError', detail: '', body: '', errors: message }, status);
}

function make(context: SimulatorContext, { request, body, client }: Asked, edits: boolean): Response {
  const faults = check(body);
  if (faults.length > 0) return json({ detail: faults }, 422);
  const sampler = body.sampler_name ?? 'Euler';
  if (!samplers.includes(String(sampler))) return writeError(404, 'Sampler not found');
  const images = Array.isArray(body.init_images) ? body.init_images : [];
  if (edits && images.length === 0) return writeError(404, 'Init image not found');
  const prompt = stringAt(body, 'prompt') ?? '';
  const fault = taskFaultIn(context, prompt, request);
  if (fault === 'fail') return writeError(500, 'CUDA out of memory.');

  const seed = numberOr(body.seed, -1) < 0 ? hash32(prompt) : numberOr(body.seed, 0);
  const [width, height] = [numberOr(body.width, 512), numberOr(body.height, 512)];
  const count = fault === 'empty' ? 0 : numberOr(body.batch_size, 1) * numberOr(body.n_iter, 1);
  const seeds = Array.from({ length: count }, (_, index) => seed + index);
  const model = stringAt(body, 'override_settings', 'sd_model_checkpoint') ?? 'sd_xl_base_1.0';
  const pictures = seeds.map((one) => {
    if (fault === 'wrong-type')
      return wav(speechPcm({ text: 'no picture', sampleRate: 8000, seed: '' }), { sampleRate: 8000, channels: 1 });
    return png({ width, height, seed: `${prompt}|${one}|${edits ? images.length : ''}` });
  });
  const id = context.idFor('sd', prompt, String(context.bill.calls.length));
  const charges = [{ meter: 'images', quantity: count } as const];
  context.bill.add({ ...(client ? { client } : {}), id, model, at: context.now(), charges });
  const info = {
    prompt,
    all_prompts: seeds.map(() => prompt),
    seed,
    all_seeds: seeds,
    width,
    height,
    sampler_name: sampler,
    sd_model_name: model,
  };
  return json({ images: pictures.map(encodeBase64), parameters: body, info: JSON.stringify(info) });
}

/** FastAPI's way of saying what is wrong. */
function check(body: JsonObject): JsonObject[] {
  const faults: JsonObject[] = [];
  const say = (name: string, msg: string, type: string) => faults.push({ loc: ['body', name], msg, type });
  for (const name of ['prompt', 'negative_prompt', 'sampler_name', 'scheduler']) {
    if (body[name] !== undefined && typeof body[name] !== 'string') say(name, 'str type expected', 'type_error.str');
  }
  for (const [name, [least, most]] of Object.entries(ranges)) {
    const value = body[name];
    if (value === undefined) continue;
    if (typeof value !== 'number') say(name, 'value is not a valid number', 'type_error');
    else if (value < least || value > most) say(name, `ensure this value is from ${least} to ${most}`, 'value_error');
  }
  if (body.override_settings !== undefined && !isObject(body.override_settings))
    say('override_settings', 'value is not a valid dict', 'type_error.dict');
  for (const image of Array.isArray(at(body, 'init_images')) ? (body.init_images as unknown[]) : []) {
    if (typeof image !== 'string' || !/^(data:image\/\w+;base64,)?[A-Za-z0-9+/=]+$/.test(image))
      say('init_images', 'Invalid encoded image', 'value_error');
  }
  return faults;
}
