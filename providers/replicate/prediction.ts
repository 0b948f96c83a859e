import type { Call, ErrorDetails, Json, JsonObject, Operation } from '../../src/contract/index.ts';
import { at, GatewayError, stringAt } from '../../src/contract/index.ts';
import { garbageError } from '../shared/outcome.ts';
import type { ReplicateRequest } from './input.ts';
import { readOutputs } from './output.ts';
import { readUsage } from './usage.ts';

type Modality = ReplicateRequest['modality'];

const pollAfterMs: Record<Modality, number> = {
  image: 500,
  speech: 1000,
  transcription: 1000,
  sound_effect: 1000,
  music: 1000,
  model3d: 2000,
  video: 5000,
};

/** A prediction in neutral words. `aborted` (never started) and `canceled` (charged while it ran) both end it. */
export function readPrediction(
  prediction: JsonObject,
  modality: Modality,
  call: Pick<Call, 'model' | 'options'>,
  warnings: string[] = [],
): Operation {
  const ref: Json = { id: prediction.id ?? null, ...(warnings.length > 0 ? { warnings } : {}) };
  const { model, options } = call;
  const usage = readUsage({ model, endpoint: 'predictions', modality, response: prediction, options });
  const ended = (
    status: 'failed' | 'canceled',
    code: ConstructorParameters<typeof GatewayError>[0],
    message: string,
  ) => {
    const billing: ErrorDetails['billing'] = usage ? 'known' : 'unknown';
    const error = new GatewayError(code, { message, provider: 'replicate', billing, raw: summary(prediction) });
    return { status, error, ref, ...(usage ? { usage } : {}) } satisfies Operation;
  };
  switch (prediction.status) {
    case 'starting':
      return { status: 'queued', ref, pollAfterMs: pollAfterMs[modality] };
    case 'processing': {
      const fraction = readProgress(stringAt(prediction, 'logs') ?? '');
      const known = fraction === undefined ? {} : { fraction };
      return { status: 'in_progress', ref, pollAfterMs: pollAfterMs[modality], ...known };
    }
    case 'succeeded': {
      const outputs = readOutputs(prediction, modality, options);
      if (outputs.length === 0) {
        const gone = prediction.data_removed === true;
        return ended(
          'failed',
          'invalid_output',
          gone ? 'Replicate has already deleted the output.' : 'Replicate returned no output.',
        );
      }
      const counted = usage ?? { metered: [], source: 'body' };
      return { status: 'completed', outputs, usage: counted, ref, ...(warnings.length > 0 ? { warnings } : {}) };
    }
    case 'failed': {
      const reason = stringAt(prediction, 'error') || 'The model failed without saying why.';
      const refused = /nsfw|safety|sensitive|content policy|moderat/i.test(reason);
      return ended('failed', refused ? 'content_policy' : 'provider_error', `Replicate: ${reason}`);
    }
    case 'canceled':
      return ended('canceled', 'request_canceled', 'The prediction was canceled.');
    case 'aborted':
      return ended('canceled', 'request_canceled', 'The prediction was ended before it started.');
    default:
      throw garbageError('replicate', `Replicate named an unknown status: ${String(prediction.status).slice(0, 40)}.`);
  }
}

/** The facts of an ended prediction without inputs, outputs and logs, which may be large or private. */
function summary(prediction: JsonObject): Json {
  const { id, model, version, status, error, metrics } = prediction;
  return JSON.parse(JSON.stringify({ id, model, version, status, error, metrics })) as Json;
}

/** The last progress bar in the logs, as a fraction. */
function readProgress(logs: string): number | undefined {
  const last = [...logs.slice(-4000).matchAll(/(\d{1,3})%\s*\|/g)].at(-1)?.[1];
  return last === undefined ? undefined : Math.min(1, Number(last) / 100);
}

/** The prediction's id in a `ref`, checked because it becomes part of a path. */
export function readRef(ref: Json): { id: string; warnings: string[] } {
  const id = stringAt(ref, 'id');
  if (!id || !/^[A-Za-z0-9_-]+$/.test(id)) {
    throw new GatewayError('internal_error', 'The reference of a Replicate prediction holds no id.');
  }
  const warnings = at(ref, 'warnings');
  return { id, warnings: Array.isArray(warnings) ? warnings.map(String) : [] };
}
