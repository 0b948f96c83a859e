import {
  at,
  type Call,
  type ErrorCode,
  GatewayError,
  isObject,
  type Json,
  type JsonObject,
  numberAt,
  type Operation,
  type Part,
  stringAt,
} from '../../src/contract/index.ts';
import { garbageError } from '../shared/outcome.ts';
import { readUsage } from './usage.ts';

export type Modality = 'video' | 'image' | 'speech' | 'sound_effect';

/** All that is needed to ask again. */
export type Ref = { id: string; asked: JsonObject; warnings: string[] };

/** Runway wants to be asked about a task at most once in five seconds. https://docs.dev.runwayml.com/api/#tag/Task-management */
const pollAfterMs = 5000;

/** Output addresses live for 24 to 48 hours; asking again makes fresh ones. https://docs.dev.runwayml.com/assets/outputs/ */
const lifeMs = 24 * 3_600_000;

const mediaTypes: Record<string, string> = {
  mp4: 'video/mp4',
  mov: 'video/quicktime',
  webm: 'video/webm',
  zip: 'application/zip',
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  mp3: 'audio/mpeg',
  wav: 'audio/wav',
  ogg: 'audio/ogg',
};
/** What a modality is made of; the first is meant where a name says nothing. A PNG sequence comes zipped. */
const made: Record<Modality, readonly string[]> = {
  video: ['video/mp4', 'video/quicktime', 'video/webm', 'application/zip'],
  image: ['image/png', 'image/jpeg', 'image/webp'],
  speech: ['audio/mpeg', 'audio/wav', 'audio/ogg'],
  sound_effect: ['audio/mpeg', 'audio/wav', 'audio/ogg'],
};

/** A task in neutral words. Throws `provider_garbage` where it is none. */
export function readTask(answer: Json | undefined, modality: Modality, ref: Ref, call: Pick<Call, 'model'>): Operation {
  const task = isObject(answer) ? answer : {};
  const usage = readUsage({ model: call.model, endpoint: 'tasks', modality, response: task, request: ref.asked });
  const kept: Json = { ...ref };
  const ended = (status: 'failed' | 'canceled', code: ErrorCode, message: string): Operation => {
    const raw = summary(task);
    const billing = usage ? 'known' : 'unknown';
    const error = new GatewayError(code, { message, provider: 'runway', billing, raw });
    return { status, error, ref: kept, ...(usage ? { usage } : {}) };
  };
  switch (task.status) {
    case 'PENDING':
    case 'THROTTLED':
      return { status: 'queued', ref: kept, pollAfterMs };
    case 'RUNNING': {
      const fraction = numberAt(task, 'progress');
      return { status: 'in_progress', ref: kept, pollAfterMs, ...(fraction === undefined ? {} : { fraction }) };
    }
    case 'SUCCEEDED': {
      const outputs = readOutputs(task, modality);
      if (outputs.length === 0) return ended('failed', 'invalid_output', 'Runway returned no output.');
      const strange = outputs.find((part) => part.type === 'asset' && !made[modality].includes(part.asset.mediaType));
      if (strange) return ended('failed', 'invalid_output', `Runway returned something that is no ${modality}.`);
      const warnings = ref.warnings.length > 0 ? { warnings: ref.warnings } : {};
      return { status: 'completed', outputs, usage: usage ?? { metered: [], source: 'body' }, ref: kept, ...warnings };
    }
    case 'FAILED':
      return ended('failed', codeOf(stringAt(task, 'failureCode')), `Runway: ${reasonOf(task)}`);
    case 'CANCELLED':
      return ended('canceled', 'request_canceled', 'The task was canceled.');
    default:
      throw garbageError('runway', `Runway named an unknown status: ${String(task.status).slice(0, 40)}.`);
  }
}

/** https://docs.dev.runwayml.com/errors/task-failures/ */
function codeOf(failureCode: string | undefined): ErrorCode {
  if (failureCode !== undefined && /(^|\.)SAFETY(\.|$)/.test(failureCode)) return 'content_policy';
  return failureCode?.startsWith('ASSET.INVALID') ? 'provider_rejected' : 'provider_error';
}

function reasonOf(task: JsonObject): string {
  const code = stringAt(task, 'failureCode');
  const said = stringAt(task, 'failure') ?? 'The task failed without saying why.';
  return `${said.slice(0, 400)}${code ? ` (${code})` : ''}`;
}

function readOutputs(task: JsonObject, modality: Modality): Part[] {
  const created = Date.parse(stringAt(task, 'createdAt') ?? '');
  const life = Number.isNaN(created) ? {} : { expiresAt: created + lifeMs };
  const urls = Array.isArray(task.output) ? task.output : [];
  return urls.flatMap((url): Part[] => {
    if (typeof url !== 'string' || !URL.canParse(url)) return [];
    const path = new URL(url).pathname;
    const name = path.slice(path.lastIndexOf('/') + 1);
    const ending = /\.([a-z0-9]{2,4})$/i.exec(name)?.[1]?.toLowerCase();
    const mediaType = ending ? (mediaTypes[ending] ?? 'application/octet-stream') : made[modality][0]!;
    return [{ type: 'asset', asset: { mediaType, url, name, ...life } }];
  });
}

/** The facts of an ended task, without the addresses of its outputs. */
function summary(task: JsonObject): Json {
  const { id, status, failure, failureCode, cost, createdAt } = task;
  return JSON.parse(JSON.stringify({ id, status, failure, failureCode, cost, createdAt })) as Json;
}

export function isTaskId(id: string): boolean {
  return /^[0-9a-z-]{8,64}$/i.test(id);
}

/** The reference of a task. Its id becomes part of a path: nothing but an id is let through. */
export function readRef(ref: Json): Ref {
  const id = stringAt(ref, 'id');
  if (!id || !isTaskId(id)) {
    throw new GatewayError('internal_error', 'The reference of a Runway task holds no id.');
  }
  const [asked, warnings] = [at(ref, 'asked'), at(ref, 'warnings')];
  return { id, asked: isObject(asked) ? asked : {}, warnings: Array.isArray(warnings) ? warnings.map(String) : [] };
}
