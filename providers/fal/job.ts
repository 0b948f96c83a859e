import {
  at,
  type Call,
  type ErrorDetails,
  GatewayError,
  isObject,
  type Json,
  type JsonObject,
  numberAt,
  type Operation,
  stringAt,
} from '../../src/contract/index.ts';
import type { Answered } from '../shared/ask-once.ts';
import { garbageOf } from '../shared/outcome.ts';
import { askJob, type Held, provider, writeRef } from './client.ts';
import { endsJob, readFailure } from './failure.ts';
import type { FalRequest } from './fields.ts';
import { readOutputs } from './output.ts';
import { readUsage } from './usage.ts';

type Modality = FalRequest['modality'];

export const pollAfterMs: Record<Modality, number> = {
  image: 500,
  speech: 1000,
  transcription: 1000,
  sound_effect: 1000,
  music: 1500,
  model3d: 2000,
  video: 5000,
};

/** Where a job stands; its result, where it has ended. */
export async function lookAt(held: Held, modality: Modality, call: Call): Promise<Operation> {
  const status = await askJob(call, held.id, '/status?logs=1');
  if (status.status >= 300) throw lost(status);
  const pause = { ref: writeRef(held), pollAfterMs: pollAfterMs[modality] };
  switch (stringAt(status.body, 'status')) {
    case 'IN_QUEUE':
      return { status: 'queued', ...pause };
    case 'IN_PROGRESS': {
      const fraction = readProgress(status.body as JsonObject);
      return { status: 'in_progress', ...pause, ...(fraction === undefined ? {} : { fraction }) };
    }
    case 'COMPLETED':
      return readEnd(await askJob(call, held.id, ''), held, modality, call);
    default:
      throw garbageOf(provider, status.body);
  }
}

/** `COMPLETED` says that a job is over; only its result says how it went. */
function readEnd(answer: Answered, held: Held, modality: Modality, call: Call): Operation {
  const ref = writeRef(held);
  if (answer.status >= 300) {
    if (!endsJob(answer)) throw lost(answer);
    return endedOf(answer, ref);
  }
  if (!isObject(answer.body)) throw garbageOf(provider, answer.body);
  const { model, options } = call;
  const headers = Object.fromEntries(answer.headers);
  const facts = { model, endpoint: 'queue', modality, options, headers };
  const usage = readUsage({ ...facts, request: held.asked, response: answer.body });
  const { parts, blackened } = readOutputs(answer.body, modality, options);
  const failed = (code: 'content_policy' | 'invalid_output', message: string): Operation => {
    const billing: ErrorDetails['billing'] = usage ? 'known' : 'unknown';
    const error = new GatewayError(code, { message, provider, billing });
    return { status: 'failed', error, ref, ...(usage ? { usage } : {}) };
  };
  if (parts.length === 0) {
    return blackened > 0
      ? failed('content_policy', "fal: the endpoint's safety checker blackened what was made.")
      : failed('invalid_output', 'fal returned no output.');
  }
  const warnings = [...held.warnings];
  if (blackened > 0) warnings.push(`${blackened} of the pictures were blackened by the safety checker and left out.`);
  const counted = usage ?? { metered: [], source: 'body' as const };
  return { status: 'completed', outputs: parts, usage: counted, ref, ...(warnings.length > 0 ? { warnings } : {}) };
}

/** A job that broke, was refused or was canceled. fal bills results alone. https://fal.ai/docs/documentation/model-apis/faq */
function endedOf(answer: Answered, ref: Json): Operation {
  const reason = stringAt(answer.body, 'error_type');
  if (reason === 'client_cancelled') {
    return canceled(ref);
  }
  const told = readFailure(answer);
  const code = /timeout$/.test(reason ?? '') ? 'provider_timeout' : told.code;
  return { status: 'failed', error: new GatewayError(code, { ...told.details, failure: 'B', billing: 'none' }), ref };
}

/** A question about a job that found no answer: the job itself may be well, unless fal does not know it. */
function lost(answer: Answered): GatewayError {
  const error = readFailure(answer);
  if (answer.status !== 404)
    return new GatewayError(error.code, { ...error.details, failure: 'C', billing: 'unknown' });
  const message = 'fal does not know this job (any more).';
  return new GatewayError('outcome_unknown', { ...error.details, message, failure: 'C', billing: 'unknown' });
}

/**
 * Asks fal to stop. What still waits is taken out of the queue and ends canceled; what runs may be stopped or may still finish,
 * which later looks tell.
 */
export async function stop(held: Held, modality: Modality, call: Call): Promise<Operation> {
  const answer = await askJob(call, held.id, '/cancel');
  const known = answer.status < 300 || stringAt(answer.body, 'status') === 'ALREADY_COMPLETED';
  if (!known) throw lost(answer);
  const now = await lookAt(held, modality, call);
  return now.status === 'queued' ? canceled(now.ref) : now;
}

/** Without a result there is nothing to pay. */
function canceled(ref: Json): Operation {
  const details = { message: 'The job was canceled.', provider, failure: 'B', billing: 'none' } as const;
  return { status: 'canceled', error: new GatewayError('request_canceled', details), ref };
}

/** The last progress bar in the logs, as a fraction. */
function readProgress(status: JsonObject): number | undefined {
  const logs = at(status, 'logs');
  const lines = Array.isArray(logs) ? logs.slice(-20).map((line) => stringAt(line, 'message') ?? '') : [];
  const last = [...lines.join('\n').matchAll(/(\d{1,3})%\s*\|/g)].at(-1)?.[1];
  if (last !== undefined) return Math.min(1, Number(last) / 100);
  const told = numberAt(status, 'progress');
  return told === undefined || told < 0 || told > 1 ? undefined : told;
}
