import {
  at,
  type Call,
  type ErrorCode,
  GatewayError,
  isObject,
  type Json,
  type JsonObject,
  type Operation,
  stringAt,
} from '../../src/contract/index.ts';
import { garbageError } from '../shared/outcome.ts';
import { readUsage } from './usage.ts';

export type Modality = 'video' | 'image';
/** All that is needed to ask again. */
export type Ref = { id: string; asked: JsonObject };

const pollAfterMs: Record<Modality, number> = { video: 5000, image: 1500 };
const mediaTypes: Record<string, string> = {
  mp4: 'video/mp4',
  mov: 'video/quicktime',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
};
const usual: Record<Modality, string> = { video: 'video/mp4', image: 'image/jpeg' };

/** A generation in neutral words. Throws `provider_garbage` where it is none. */
export function readGeneration(
  answer: Json | undefined,
  modality: Modality,
  ref: Ref,
  call: Pick<Call, 'model'>,
): Operation {
  const generation = isObject(answer) ? answer : {};
  const kept: Json = { ...ref };
  const observed = { model: call.model, endpoint: 'generations', modality, response: generation, request: ref.asked };
  switch (generation.state) {
    case 'queued':
      return { status: 'queued', ref: kept, pollAfterMs: pollAfterMs[modality] };
    case 'dreaming':
      return { status: 'in_progress', ref: kept, pollAfterMs: pollAfterMs[modality] };
    case 'completed': {
      const usage = readUsage(observed);
      const url = stringAt(generation, 'assets', modality);
      const mediaType = url === undefined ? undefined : typeOf(url, modality);
      if (url && mediaType?.startsWith(`${modality}/`)) {
        const outputs = [{ type: 'asset' as const, asset: { mediaType, url } }];
        return { status: 'completed', outputs, usage: usage ?? { metered: [], source: 'derived' }, ref: kept };
      }
      const message = url ? `Luma returned something that is no ${modality}.` : 'Luma returned no output.';
      const error = fault('invalid_output', message, usage ? 'known' : 'unknown', generation);
      return { status: 'failed', error, ref: kept, ...(usage ? { usage } : {}) };
    }
    case 'failed': {
      const reason =
        stringAt(generation, 'failure_reason')?.slice(0, 400) || 'The generation failed without saying why.';
      const refused = /moderat|content policy|not allowed|safety|nsfw/i.test(reason);
      const error = fault(refused ? 'content_policy' : 'provider_error', `Luma: ${reason}`, 'unknown', generation);
      return { status: 'failed', error, ref: kept };
    }
    default:
      throw garbageError('luma', `Luma named an unknown state: ${String(generation.state).slice(0, 40)}.`);
  }
}

function fault(code: ErrorCode, message: string, billing: 'known' | 'unknown', generation: JsonObject): GatewayError {
  const { id, state, failure_reason, model, created_at } = generation;
  const raw = JSON.parse(JSON.stringify({ id, state, failure_reason, model, created_at })) as Json;
  return new GatewayError(code, { message, provider: 'luma', billing, raw });
}

/** By the name's ending; a name without one is what was asked for. */
function typeOf(url: string, modality: Modality): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const ending = /\.([a-z0-9]{2,4})$/i.exec(new URL(url).pathname)?.[1]?.toLowerCase();
  return ending === undefined ? usual[modality] : (mediaTypes[ending] ?? 'application/octet-stream');
}

export function isGenerationId(id: string): boolean {
  return /^[0-9a-z-]{8,64}$/i.test(id);
}

/** The reference of a generation. Its id becomes part of a path: nothing but an id is let through. */
export function readRef(ref: Json): Ref {
  const id = stringAt(ref, 'id');
  if (!id || !isGenerationId(id)) {
    throw new GatewayError('internal_error', 'The reference of a Luma generation holds no id.');
  }
  const asked = at(ref, 'asked');
  return { id, asked: isObject(asked) ? asked : {} };
}
