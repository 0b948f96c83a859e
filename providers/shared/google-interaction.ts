import {
  at,
  type Call,
  errorOfAnswer,
  errorOfThrow,
  GatewayError,
  isObject,
  type Json,
  type Operation,
  type Part,
  stringAt,
  type Usage,
} from '../../src/contract/index.ts';
import { decodeBase64, mediaTypeOf } from './bytes.ts';
import { keyHeader } from './google-client.ts';
import { exchange } from './job-exchange.ts';
import { asFree, garbageError } from './outcome.ts';
import { readGeminiUsage } from './usage-gemini.ts';

/** What decides the price of a video. */
export type Asked = { seconds: number; resolution: string; ratio?: string };
/** All that is needed to ask again. */
export type InteractionRef = { id: string; asked: Asked; warnings?: string[] };

/** Milliseconds between looks: a video takes about a minute. */
const pace = 5000;

/** Interaction ids become part of a path. */
export function isInteractionId(id: string): boolean {
  return /^[A-Za-z0-9_-]{1,1000}$/.test(id);
}

/** How a background interaction stands. A finished one's file is opened here: the key that it needs must not leave the adapter. */
export async function readInteraction(interaction: Json, ref: InteractionRef, call: Call): Promise<Operation> {
  const waiting = (status: 'queued' | 'in_progress'): Operation => ({ status, ref, pollAfterMs: pace });
  const status = stringAt(interaction, 'status') ?? '';
  switch (status) {
    case 'queued':
    case 'in_progress':
      return waiting(status);
    case 'completed':
      return (await completed(interaction, ref, call)) ?? waiting('in_progress');
    case 'cancelled':
      return ended(
        'canceled',
        interaction,
        ref,
        call,
        new GatewayError('request_canceled', 'google canceled the job.'),
      );
    default:
      if (/fail|error|incomplete|exceed|require|reject|expire/.test(status)) {
        return ended('failed', interaction, ref, call, failureOf(interaction, status));
      }
      throw garbageError('google', `google sent an interaction of status "${status}".`);
  }
}

async function completed(interaction: Json, ref: InteractionRef, call: Call): Promise<Operation | undefined> {
  const contents = contentsOf(interaction);
  const videos = contents.filter((content) => stringAt(content, 'type') === 'video');
  if (videos.length === 0) {
    const usage = usageOf(interaction, ref, call);
    const billed = usage?.metered.some((leaf) => leaf.meter === 'output_video_seconds') ?? false;
    const words = contents
      .map((content) => stringAt(content, 'text') ?? '')
      .join(' ')
      .trim();
    // A refusal is a completed interaction that only speaks.
    const refused = words !== '' && !billed;
    const error = new GatewayError(refused ? 'content_policy' : 'invalid_output', {
      message: refused ? `google made no video: ${words.slice(0, 500)}` : 'google completed the job without a video.',
      provider: 'google',
      failure: refused ? 'B' : 'C',
      billing: usage ? 'known' : refused ? 'none' : 'unknown',
    });
    return { status: 'failed', error, ref, ...(usage ? { usage } : {}) };
  }
  const usage = usageOf(interaction, ref, call, videos.length) ?? { metered: [], source: 'body' };
  const outputs: Part[] = [];
  for (const video of videos) {
    try {
      const part = await outputOf(video, call);
      if (!part) return undefined;
      outputs.push(part);
    } catch (thrown) {
      if (!isGone(thrown)) throw thrown;
      const message = 'google made the video, but its file cannot be had (any more).';
      const details = { message, provider: 'google', failure: 'C', billing: 'known', cause: thrown } as const;
      return { status: 'failed', error: new GatewayError('invalid_output', details), ref, usage };
    }
  }
  return { status: 'completed', outputs, usage, ref, ...(ref.warnings ? { warnings: ref.warnings } : {}) };
}

function ended(
  status: 'failed' | 'canceled',
  interaction: Json,
  ref: InteractionRef,
  call: Call,
  error: GatewayError,
): Operation {
  const usage = usageOf(interaction, ref, call);
  const billing = usage ? 'known' : 'none';
  const told = new GatewayError(error.code, { ...error.details, provider: 'google', failure: 'B', billing });
  return { status, error: told, ref, ...(usage ? { usage } : {}) };
}

function failureOf(interaction: Json, status: string): GatewayError {
  const errors = at(interaction, 'errors');
  const steps = at(interaction, 'steps');
  const faults = [
    at(interaction, 'error'),
    ...(Array.isArray(errors) ? errors : []),
    ...(Array.isArray(steps) ? steps.map((step) => at(step, 'error')) : []),
  ].filter(isObject);
  const words =
    faults.map((fault) => stringAt(fault, 'message')).find((message) => message) ?? `the job ended as ${status}`;
  const marks = faults.flatMap((fault) => [stringAt(fault, 'code'), stringAt(fault, 'status')]);
  const policy =
    marks.some((mark) => /(^|_|\/)(safety|prohibited_content|blocklist|spii)\b/i.test(mark ?? '')) ||
    /\bblocked\b[^.]*\b(safety|polic)/i.test(words);
  return new GatewayError(policy ? 'content_policy' : 'provider_error', `google: ${words.slice(0, 500)}`);
}

function contentsOf(interaction: Json): Json[] {
  const steps = at(interaction, 'steps');
  if (!Array.isArray(steps)) return [];
  return steps
    .filter((step) => stringAt(step, 'type') === 'model_output')
    .flatMap((step) => {
      const content = at(step, 'content');
      return Array.isArray(content) ? content : [];
    });
}

/** Usage as Google reports it; without any, a video that was made is its seconds and anything else is unbilled. */
function usageOf(interaction: Json, ref: InteractionRef, call: Call, videos = 0): Usage | undefined {
  const raw = at(interaction, 'usage');
  if (!isObject(raw) && videos === 0) return undefined;
  return readGeminiUsage({
    model: call.model,
    endpoint: 'interactions',
    modality: 'video',
    usage: raw,
    request: { ...ref.asked },
    response: { videos },
    options: call.options,
  });
}

/** The video as a part; undefined while its file is not ready. */
async function outputOf(video: Json, call: Call): Promise<Part | undefined> {
  const told = stringAt(video, 'mime_type') ?? 'video/mp4';
  const data = stringAt(video, 'data');
  if (data) {
    const bytes = decodeBase64(data);
    return { type: 'asset', asset: { mediaType: mediaTypeOf(bytes) ?? told, bytes } };
  }
  const uri = stringAt(video, 'uri') ?? '';
  // Only the file's name is taken from the answer: the key goes to no other host.
  const name = /\/(files\/[A-Za-z0-9_-]+)(?::download)?(?:\?|$)/.exec(uri)?.[1];
  if (!name) {
    if (uri.startsWith('https://')) return { type: 'asset', asset: { mediaType: told, url: uri } };
    throw garbageError('google', 'google named no file.');
  }
  const headers = keyHeader(call);
  const file = `${call.baseUrl}/v1beta/${name}`;
  const facts = await exchange(call, 'google', { purpose: 'look', method: 'GET', url: file, headers });
  const state = stringAt(facts, 'state');
  if (state === 'PROCESSING') return undefined;
  if (state === 'FAILED') throw garbageError('google', 'google could not finish the file of the video.');
  return download(`${file}:download?alt=media`, told, call);
}

async function download(url: string, mediaType: string, call: Call): Promise<Part> {
  let response: Response;
  try {
    const headers = keyHeader(call);
    response = await call.fetch(url, { headers, redirect: 'manual', signal: call.signal });
  } catch (thrown) {
    throw asFree(errorOfThrow('google', thrown, call.signal));
  }
  const location = response.headers.get('location');
  if (response.status >= 300 && response.status < 400 && location) {
    await response.body?.cancel();
    return { type: 'asset', asset: { mediaType, url: new URL(location, url).href } };
  }
  if (!response.ok || !response.body) {
    const text = await response.text().catch(() => '');
    throw errorOfAnswer('google', response.status, response.headers, text.slice(0, 2000));
  }
  const type = response.headers.get('content-type')?.split(';')[0];
  const told = type && type !== 'application/octet-stream' ? type : mediaType;
  return { type: 'asset', asset: { mediaType: told, stream: response.body } };
}

/** The key was good a moment ago: a file that is refused now is not there. */
function isGone(thrown: unknown): boolean {
  const codes = [
    'provider_authentication',
    'provider_rejected',
    'model_not_found',
    'outcome_unknown',
    'provider_garbage',
  ];
  return thrown instanceof GatewayError && codes.includes(thrown.code);
}
