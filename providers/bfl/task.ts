import {
  at,
  type Call,
  GatewayError,
  type Json,
  numberAt,
  type Operation,
  stringAt,
} from '../../src/contract/index.ts';
import { garbageOf } from '../shared/outcome.ts';
import { type Held, provider, writeRef } from './client.ts';
import { readUsage } from './usage.ts';

export const pollAfterMs = 500;
/** Links to results are signed for ten minutes. https://docs.bfl.ai/api_integration/integration_guidelines */
const lifeMs = 600_000;

/** A task in neutral words. */
export function readTask(task: Json, held: Held, call: Pick<Call, 'model' | 'options'>): Operation {
  const ref = writeRef(held);
  const failed = (code: 'content_policy' | 'provider_error', message: string): Operation => ({
    status: 'failed',
    error: new GatewayError(code, { message, provider, failure: 'B', billing: 'none', raw: summary(task) }),
    ref,
  });
  switch (stringAt(task, 'status')) {
    case 'Pending': {
      const fraction = numberAt(task, 'progress');
      if (fraction === undefined || fraction <= 0) return { status: 'queued', ref, pollAfterMs };
      return {
        status: 'in_progress',
        ref,
        pollAfterMs,
        fraction: Math.min(1, fraction > 1 ? fraction / 100 : fraction),
      };
    }
    case 'Ready':
      return readReady(task, held, call, ref);
    case 'Request Moderated':
      return failed('content_policy', `BFL refused the request${reasonsOf(task)}.`);
    case 'Content Moderated':
      return failed('content_policy', `BFL withheld what was made${reasonsOf(task)}.`);
    case 'Error':
      return failed('provider_error', `BFL: ${wordsOf(task) ?? 'the task failed without saying why'}`);
    case 'Task not found':
      throw new GatewayError('outcome_unknown', {
        message: 'BFL does not know this task (any more).',
        provider,
        failure: 'C',
        billing: 'unknown',
      });
    default:
      throw garbageOf(provider, task);
  }
}

function readReady(task: Json, held: Held, call: Pick<Call, 'model' | 'options'>, ref: Json): Operation {
  const { model, options } = call;
  const facts = { model, endpoint: 'images', modality: 'image', options } as const;
  const usage = readUsage({ ...facts, request: held.asked, response: held.billed }) ?? { metered: [], source: 'body' };
  const url = stringAt(task, 'result', 'sample');
  if (!url || !URL.canParse(url)) {
    const error = new GatewayError('invalid_output', {
      message: 'BFL returned no picture.',
      provider,
      billing: 'known',
    });
    return { status: 'failed', error, ref, usage };
  }
  const name = new URL(url).pathname.split('/').at(-1) ?? '';
  const ended = numberAt(task, 'result', 'end_time');
  const expires = ended === undefined ? {} : { expiresAt: Math.round(ended * 1000) + lifeMs };
  const asset = { mediaType: typeOf(name), url, ...(name ? { name } : {}), ...expires };
  const { warnings } = held;
  return {
    status: 'completed',
    outputs: [{ type: 'asset', asset }],
    usage,
    ref,
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}

function typeOf(name: string): string {
  const ending = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  return { png: 'image/png', webp: 'image/webp' }[ending] ?? 'image/jpeg';
}

function reasonsOf(task: Json): string {
  const reasons = at(task, 'details', 'Moderation Reasons');
  const words = Array.isArray(reasons) ? reasons.filter((reason) => typeof reason === 'string') : [];
  return words.length > 0 ? ` (${words.join(', ').slice(0, 200)})` : '';
}

function wordsOf(task: Json): string | undefined {
  const words = stringAt(task, 'details', 'error') ?? stringAt(task, 'details', 'message') ?? stringAt(task, 'result');
  return words?.slice(0, 300);
}

/** The facts of an ended task without its picture and prompt. */
function summary(task: Json): Json {
  const details = at(task, 'details');
  return {
    id: stringAt(task, 'id') ?? null,
    status: stringAt(task, 'status') ?? null,
    ...(details === undefined ? {} : { details }),
  };
}
