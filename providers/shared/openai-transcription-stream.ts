import type OpenAI from 'openai';
import { type Call, GatewayError, type JsonObject } from '../../src/contract/index.ts';
import { present } from './params.ts';

/**
 * The whole answer; where somebody watches and the model can stream, its words as they come, put together again at the end. A stream
 * that stops before its end is `stream_interrupted`, class D once words were told.
 */
export async function transcribe(
  client: OpenAI,
  call: Call,
  streams: boolean,
  options: { signal: AbortSignal },
  body: object,
): Promise<unknown> {
  const sent = present(body) as OpenAI.Audio.TranscriptionCreateParamsNonStreaming;
  if (!call.progress || !streams) return client.audio.transcriptions.create(sent, options);
  const events = await client.audio.transcriptions.create({ ...sent, stream: true }, options);
  const segments: JsonObject[] = [];
  let told = 0;
  let deltas = false;
  const tell = (text: string) => call.progress?.({ partial: { type: 'text', text }, index: told++ });
  try {
    for await (const event of events) {
      if (event.type === 'transcript.text.delta') {
        deltas = true;
        tell(event.delta);
      } else if (event.type === 'transcript.text.segment') {
        const { type: _type, ...segment } = event;
        segments.push(segment as unknown as JsonObject);
        // A segment says again what its deltas said.
        if (!deltas) tell(`${told > 0 ? ' ' : ''}${event.text.trim()}`);
      } else if (event.type === 'transcript.text.done') {
        const { type: _type, ...whole } = event;
        return segments.length > 0 ? { ...whole, segments } : whole;
      }
    }
  } catch (thrown) {
    if (told === 0) throw thrown;
    throw interrupted('D', thrown);
  }
  throw interrupted(told > 0 ? 'D' : 'C');
}

function interrupted(failure: 'C' | 'D', cause?: unknown): GatewayError {
  return new GatewayError('stream_interrupted', {
    message: 'openai stopped transcribing before the end.',
    provider: 'openai',
    failure,
    billing: 'unknown',
    ...(cause === undefined ? {} : { cause }),
  });
}
