import type { Dims, Json, JsonObject, Meter, Observed, Usage } from '../../src/contract/index.ts';
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
  const prediction = observed.response;
  if (!isObject(prediction)) return undefined;
  const billing = at(observed.options, 'billing');
  const asked = stringAt(billing, 'metric');
  const meter = meters.find((known) => known === asked) ?? (asked === undefined ? 'gpu_seconds' : undefined);
  if (!meter) return undefined;
  const counted = count(meter, prediction, observed);
  if (counted === undefined) return undefined;
  const dims = readDims(meter, prediction, billing);
  return {
    metered: [{ meter, quantity: counted.quantity, ...(dims ? { dims } : {}) }],
    source: counted.derived ? 'derived' : 'body',
    ...(prediction.metrics === undefined ? {} : { raw: { metrics: prediction.metrics } }),
  };
}

type Counted = { quantity: number; derived?: boolean };

function count(meter: Meter, prediction: JsonObject, observed: Observed): Counted | undefined {
  if (prediction.status === 'aborted') return { quantity: 0 };
  if (meter === 'gpu_seconds') return measured(numberAt(prediction, 'metrics', 'predict_time'));
  if (prediction.status !== 'succeeded') return { quantity: 0, derived: true };
  const options = observed.options ?? {};
  for (const name of reported[meter] ?? []) {
    const found = numberAt(prediction, 'metrics', name);
    if (found !== undefined) return { quantity: found };
  }
  switch (meter) {
    case 'images':
    case 'songs':
    case 'models_3d':
      if (prediction.data_removed === true) return measured(numberAt(prediction, 'metrics', 'image_output_count'));
      return { quantity: readOutputs(prediction, observed.modality as ReplicateRequest['modality'], options).length };
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
      return Number.isFinite(known) ? { quantity: known, derived: true } : undefined;
    }
    default:
      return undefined;
  }
}

function measured(quantity: number | undefined): Counted | undefined {
  return quantity === undefined ? undefined : { quantity };
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
  }
  return Object.keys(dims).length > 0 ? dims : undefined;
}
