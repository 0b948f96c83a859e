import type { Dims, Json, JsonObject, Meter, Metered, Observed, Usage } from '../../src/contract/index.ts';
import { at, isObject, meters, numberAt, stringAt } from '../../src/contract/index.ts';
import type { ReplicateRequest } from './input.ts';
import { readOutputs } from './output.ts';

/** Meters that Replicate itself reports, by the names of its billing metrics and their older forms. */
const reported: { [M in Meter]?: string[] } = {
  input_text_tokens: ['token_input_count', 'input_token_count'],
  output_text_tokens: ['token_output_count', 'output_token_count'],
  input_characters: ['character_input_count'],
  output_audio_seconds: ['audio_output_duration_seconds'],
  output_video_seconds: ['video_output_duration_seconds'],
};

const tokens: Meter[] = ['input_text_tokens', 'output_text_tokens'];

/** Metrics that count what came out, where the outputs themselves are not at hand. */
const outputCounts: { [M in Meter]?: string[] } = {
  images: ['image_output_count', 'image_count', 'generic_output_count'],
  songs: ['audio_output_count', 'generic_output_count'],
  models_3d: ['generic_output_count'],
};

/** Metrics that choose a price. */
const dimensions: Record<string, string> = {
  resolution_target: 'resolution',
  with_audio: 'audio',
  motion_mode: 'mode',
  model_variant: 'variant',
};

/**
 * What a finished prediction consumed. The API names neither price nor hardware, so the model's row says what is billed:
 * `options.billing: {metric, hardware?}`; without it the seconds of computing.
 * An official model bills what it returned; a public one the computing time, also of failed and canceled runs; an aborted run is free.
 * @returns undefined where the billed figure is not in the prediction.
 */
export function readUsage(observed: Observed): Usage | undefined {
  const prediction = predictionOf(observed);
  if (!isObject(prediction)) return undefined;
  const hardware = stringAt(observed.request, 'version_hardware') ?? stringAt(observed.request, 'hardware');
  const own = at(observed.options, 'billing');
  const billing = hardware === undefined ? own : { ...(isObject(own) ? own : {}), hardware };
  const asked = stringAt(own, 'metric');
  const known = meters.find((meter) => meter === asked) ?? (asked === undefined ? 'gpu_seconds' : undefined);
  const meter = soldMeter(known, prediction, observed);
  if (!meter) return undefined;
  const counted = count(meter, prediction, observed);
  if (counted === undefined) return undefined;
  const dims = readDims(meter, prediction, billing);
  const metered: Metered[] = [{ meter, quantity: counted.quantity, ...(dims ? { dims } : {}) }];
  // A language model is billed for both directions.
  const other = tokens.includes(meter) ? tokens.find((each) => each !== meter) : undefined;
  const more = other && count(other, prediction, observed);
  if (other && more) metered.push({ meter: other, quantity: more.quantity });
  return {
    metered,
    source: counted.derived ? 'derived' : 'body',
    ...(prediction.metrics === undefined ? {} : { raw: { metrics: prediction.metrics } }),
  };
}

/** The prediction of the answer, or one made of its bare metrics. */
function predictionOf({ response, usage, request }: Observed): Json | undefined {
  if (isObject(at(response, 'metrics')) || at(response, 'status') !== undefined) return response;
  if (!isObject(usage)) return response;
  return { status: 'succeeded', metrics: usage, input: request ?? {}, ...(isObject(response) ? response : {}) };
}

/** What the model is sold by decides between the meters, where prices say so: official models by output, others by time. */
function soldMeter(known: Meter | undefined, prediction: JsonObject, observed: Observed): Meter | undefined {
  const { sold } = observed;
  if (!sold || sold.length === 0 || (known && known !== 'gpu_seconds' && sold.includes(known))) return known;
  const byOutput = sold.filter((meter) => meter !== 'gpu_seconds');
  return byOutput.find((meter) => count(meter, prediction, observed) !== undefined) ?? known;
}

type Counted = { quantity: number; derived?: boolean };

function count(meter: Meter, prediction: JsonObject, observed: Observed): Counted | undefined {
  if (prediction.status === 'aborted') return { quantity: 0 };
  if (meter === 'gpu_seconds') return measured(numberAt(prediction, 'metrics', 'predict_time'));
  if (prediction.status !== 'succeeded') return { quantity: 0, derived: true };
  const options = observed.options ?? {};
  for (const name of reported[meter] ?? []) {
    const found = numberAt(prediction, 'metrics', name);
    if (found !== undefined) return measured(found);
  }
  switch (meter) {
    case 'images':
    case 'songs':
    case 'models_3d': {
      const told = countOf(prediction, outputCounts[meter]);
      if (prediction.output === undefined && prediction.data_removed !== true) {
        const number = Math.max(1, numberAt(prediction, 'input', 'num_outputs') ?? 1);
        return told === undefined ? { quantity: number, derived: true } : { quantity: told };
      }
      if (prediction.data_removed === true) return measured(numberAt(prediction, 'metrics', 'image_output_count'));
      return { quantity: readOutputs(prediction, observed.modality as ReplicateRequest['modality'], options).length };
    }
    case 'requests':
      return { quantity: 1 };
    case 'input_characters': {
      const text = inputOf('text', 'text', prediction, options) ?? inputOf('prompt', 'prompt', prediction, options);
      return typeof text === 'string' ? { quantity: [...text].length, derived: true } : undefined;
    }
    case 'output_audio_seconds':
    case 'output_video_seconds': {
      const seconds = inputOf('seconds', 'duration', prediction, options);
      const known = seconds === undefined || seconds === null ? Number.NaN : Number(seconds);
      return Number.isFinite(known) && known >= 0 ? { quantity: known, derived: true } : undefined;
    }
    default:
      return undefined;
  }
}

function countOf(prediction: JsonObject, names: string[] = []): number | undefined {
  for (const name of names) {
    const found = measured(numberAt(prediction, 'metrics', name));
    if (found) return found.quantity;
  }
  return undefined;
}

/** A figure below 0 is none. */
function measured(quantity: number | undefined): Counted | undefined {
  return quantity === undefined || quantity < 0 ? undefined : { quantity };
}

/** What the prediction echoes of its input under the field that a neutral word is mapped to. */
function inputOf(word: string, otherwise: string, prediction: JsonObject, options: JsonObject): Json | undefined {
  const rule = at(options, 'fields', word);
  const field = typeof rule === 'string' ? rule : (stringAt(rule, 'field') ?? otherwise);
  return at(prediction, 'input', field) ?? at(options, 'input', field);
}

function readDims(meter: Meter, prediction: JsonObject, billing: Json | undefined): Dims | undefined {
  const dims: Dims = {};
  if (meter === 'gpu_seconds') {
    const hardware = stringAt(billing, 'hardware');
    if (hardware) dims.hardware = hardware;
  } else {
    for (const [metric, dim] of Object.entries(dimensions)) {
      const value = at(prediction, 'metrics', metric);
      if (typeof value === 'string' || typeof value === 'boolean') dims[dim] = String(value);
    }
    const resolution = at(prediction, 'input', 'resolution');
    if (dims.resolution === undefined && typeof resolution === 'string') dims.resolution = resolution;
    const audio = at(prediction, 'input', 'generate_audio');
    if (dims.audio === undefined && typeof audio === 'boolean') dims.audio = String(audio);
  }
  return Object.keys(dims).length > 0 ? dims : undefined;
}
