import {
  type Call,
  errorOfThrow,
  GatewayError,
  type Json,
  joinBytes,
  type Observed,
  type Operation,
  type Part,
} from '../../src/contract/index.ts';
import { mediaTypeOf } from '../shared/bytes.ts';
import { repairWav } from '../shared/wav.ts';
import { secondsOf } from './length.ts';
import { figuresOf, garbage } from './send.ts';
import { readUsage } from './usage.ts';

/** What is known of the exchange for metering, before its answer is read. */
export type Asked = Pick<Observed, 'endpoint' | 'modality' | 'request'>;

/**
 * The end of a call whose answer was accepted: what `read` makes of the body, with the usage. Where the body breaks although the
 * headers already told what it costs, the operation has failed with that usage.
 */
export async function deliver(
  response: Response,
  call: Call,
  asked: Asked,
  warnings: string[],
  read: () => Promise<{ outputs: Part[]; response?: Json }>,
): Promise<Operation> {
  const headers = figuresOf(response);
  const usageWith = (body?: Json) =>
    readUsage({ ...asked, model: call.model, headers, options: call.options, ...(body ? { response: body } : {}) });
  try {
    const { outputs, response: body } = await read();
    const usage = usageWith(body) ?? { metered: [], source: 'derived' };
    return { status: 'completed', outputs, usage, ...(warnings.length > 0 ? { warnings } : {}) };
  } catch (thrown) {
    const error = errorOfThrow('elevenlabs', thrown, call.signal);
    const usage = usageWith();
    if (usage?.source !== 'header') throw error;
    return { status: 'failed', error: new GatewayError(error.code, { ...error.details, billing: 'known' }), usage };
  }
}

/** The end of a call whose answer is one sound, with how long it lasts for metering. */
export function deliverSound(response: Response, call: Call, asked: Asked, mediaType: string): Promise<Operation> {
  return deliver(response, call, asked, [], async () => {
    const bytes = await readSound(response, call, mediaType);
    const seconds = secondsOf(bytes);
    return {
      outputs: [soundPart(bytes, mediaType)],
      ...(seconds === undefined ? {} : { response: { seconds } }),
    };
  });
}

/** The sound of an answer, read to its end and shown piece by piece where the caller wants to see it. */
export async function readSound(response: Response, call: Call, mediaType: string): Promise<Uint8Array> {
  const type = response.headers.get('content-type') ?? '';
  if (/\b(html|json)\b/.test(type)) throw garbage('something that is not audio');
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      if (chunk.length === 0) continue;
      chunks.push(chunk);
      call.progress?.({ partial: soundPart(chunk, mediaType), index: chunks.length - 1 });
    }
  } catch (thrown) {
    throw broken(thrown, call, chunks.length > 0);
  }
  if (chunks.length === 0) {
    const message = 'elevenlabs answered without any sound.';
    throw new GatewayError('invalid_output', { message, provider: 'elevenlabs', failure: 'C', billing: 'unknown' });
  }
  return joinBytes(chunks);
}

/** A stream that broke: after something was shown it cannot be begun again unseen. */
export function broken(thrown: unknown, call: Call, shown: boolean): GatewayError {
  const error = errorOfThrow('elevenlabs', thrown, call.signal);
  if (!shown || !call.progress || error.code !== 'outcome_unknown') return error;
  return new GatewayError('stream_interrupted', {
    ...error.details,
    message: 'elevenlabs stopped before the end of the sound.',
    failure: 'D',
  });
}

/** An audio part; the bytes themselves are believed where they say what they are. */
export function soundPart(bytes: Uint8Array, mediaType: string): Part {
  const proven = /pcm|basic/.test(mediaType) ? undefined : mediaTypeOf(bytes);
  return { type: 'asset', asset: { mediaType: proven ?? mediaType, bytes: repairWav(bytes) } };
}
