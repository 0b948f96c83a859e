import { encodeBase64, type JsonObject, stringAt } from '../../../src/contract/index.ts';
import { glb, png } from '../media/index.ts';
import { json } from '../requests.ts';
import { hash32 } from '../seed.ts';
import { createSimulator, type Simulator, type SimulatorContext, type SimulatorOptions } from '../simulator.ts';
import { taskFaultIn } from '../tasks.ts';
import { type Asked, Files, numberOr, vendorHandler } from './wire.ts';

/**
 * NVIDIA's NIM for TRELLIS: one call, the model comes as base64. It makes binary glTF only.
 * https://docs.api.nvidia.com/nim/reference/microsoft-trellis-infer
 */
export function nim3d(options?: SimulatorOptions): Simulator {
  return createSimulator('nim-3d', handler, options);
}

function handler(context: SimulatorContext) {
  const writeError = (status: number, message: string) => json({ detail: message }, status);
  return vendorHandler(context, { writeError }, new Files(), [
    ['POST', '/v1/infer', (asked) => infer(context, asked)],
    ['GET', '/v1/health/ready', () => json({ status: 'ready' })],
  ]);
}

function infer(context: SimulatorContext, { request, body, client }: Asked): Response {
  const faults = check(body);
  if (faults.length > 0) return json({ detail: faults }, 422);
  const prompt = stringAt(body, 'prompt') ?? '';
  const fault = taskFaultIn(context, prompt, request);
  const seed = numberOr(body.seed, 0) || hash32(prompt) % 1_000_000;
  const unmade = fault === 'filtered' || fault === 'fail';
  const made =
    fault === 'wrong-type'
      ? png({ width: 8, height: 8, seed: prompt })
      : glb({ seed: `${prompt}|${stringAt(body, 'image')?.length ?? ''}|${seed}` });
  const reason = fault === 'filtered' ? 'CONTENT_FILTERED' : fault === 'fail' ? 'ERROR' : 'SUCCESS';
  const artifacts = fault === 'empty' ? [] : [{ base64: unmade ? '' : encodeBase64(made), finishReason: reason, seed }];
  const id = context.idFor('nim', prompt, String(context.bill.calls.length));
  const charges = unmade || fault === 'empty' ? [] : [{ meter: 'models_3d', quantity: 1 } as const];
  context.bill.add({ ...(client ? { client } : {}), id, model: 'microsoft/trellis', at: context.now(), charges });
  return json({ artifacts });
}

function check(body: JsonObject): JsonObject[] {
  const faults: JsonObject[] = [];
  const say = (name: string, msg: string) => faults.push({ type: 'value_error', loc: ['body', name], msg });
  const [prompt, image] = [stringAt(body, 'prompt'), stringAt(body, 'image')];
  const mode = body.mode ?? (image ? 'image' : 'text');
  if (mode === 'text' && !prompt) say('prompt', 'Prompt is required in text mode');
  if (mode === 'image' && !/^data:image\/\w+;\S+/.test(image ?? '')) say('image', 'Image is required in image mode');
  if (prompt && [...prompt].length > 77) say('prompt', 'String should have at most 77 characters');
  if (!['glb', undefined].includes(body.output_format as string | undefined))
    say('output_format', "Input should be 'glb'");
  if (body.samples !== undefined && body.samples !== 1) say('samples', 'Only samples=1 is supported');
  if (body.seed !== undefined && !(Number.isInteger(body.seed) && Number(body.seed) >= 0))
    say('seed', 'Input should be greater than or equal to 0');
  return faults;
}
