import { GatewayError, type Json, type JsonObject, stringAt } from '../contract/index.ts';
import { defined } from '../dialects/shared.ts';
import type { Caller, Gateway, Trace } from '../gateway/gateway.ts';
import { type Asked, readParams, readUser, warn } from './media-door.ts';
import { type ReadRequest, readMediaRequest } from './media-request.ts';

/** Fields of a body that mean something to the house; those of the last line are words of our own. */
const known = [
  ...['model', 'input', 'voice', 'instructions', 'response_format', 'speed', 'stream_format', 'user'],
  ...['language', 'seed', 'voices'],
];
/** OpenAI's own voices: an app that changes nothing but the model still names one of them. */
const openaiVoices = [
  ...['alloy', 'ash', 'ballad', 'coral', 'echo', 'fable', 'onyx', 'nova', 'sage', 'shimmer', 'verse', 'marin', 'cedar'],
];

/** What our own words are called at this door. */
export const speechNames: Readonly<Record<string, string>> = { text: 'input', format: 'response_format' };

/** A speech request in neutral words. */
export async function readSpeechRequest(
  gateway: Gateway,
  caller: Caller,
  trace: Trace,
  asked: Asked,
  body: JsonObject,
): Promise<ReadRequest> {
  if (![undefined, 'audio', 'sse'].includes(body.stream_format as string)) {
    throw new GatewayError('invalid_request', {
      message: 'stream_format is audio or sse.',
      param: 'stream_format',
    });
  }
  const neutral = defined({
    input: body.input,
    voice: voiceOf(asked, trace, body.voice),
    voices: body.voices,
    format: body.response_format,
    speed: body.speed,
    instructions: body.instructions,
    language: body.language,
    seed: body.seed,
    ...readParams(asked, trace, body, known),
    ...(await readUser(asked, caller, body)),
  }) as JsonObject;
  return readMediaRequest(gateway, caller, 'speech', neutral);
}

/** A name, or `{id}`. One of OpenAI's voices that the model does not have becomes its usual one, which is told. */
function voiceOf({ model, own, ...asked }: Asked, trace: Trace, value: Json | undefined): Json | undefined {
  const voice = stringAt(value, 'id') ?? value;
  if (typeof voice !== 'string' || own || !openaiVoices.includes(voice)) return voice;
  const voices = model.capabilities?.voices;
  if (Array.isArray(voices) && voices.includes(voice)) return voice;
  warn({ model, own, ...asked }, trace, 'voice', `voice ${voice} is OpenAI's: ${model.id} speaks with its usual one.`);
  return undefined;
}
