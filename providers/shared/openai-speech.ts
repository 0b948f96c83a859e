import type OpenAI from 'openai';
import {
  at,
  type Call,
  errorOfAnswer,
  errorOfThrow,
  GatewayError,
  type Json,
  type JsonObject,
  joinBytes,
  type MediaPort,
  type Operation,
  type SpeechRequest,
  stringAt,
} from '../../src/contract/index.ts';
import { decodeBase64, mediaTypeOf } from './bytes.ts';
import { sseData } from './lines.ts';
import { withOpenai } from './openai-client.ts';
import { callerParams, dropped, present, refuse } from './params.ts';
import { readOpenaiUsage } from './usage-openai.ts';
import { repairWav } from './wav.ts';

const mediaTypes: Record<string, string> = {
  mp3: 'audio/mpeg',
  opus: 'audio/ogg',
  aac: 'audio/aac',
  flac: 'audio/flac',
  wav: 'audio/wav',
  pcm: 'audio/pcm',
};
const owned = ['model', 'input', 'voice', 'response_format', 'speed', 'instructions', 'stream_format'];

/**
 * Speech by OpenAI. A plain answer is bare audio without usage, so models that can are asked for server-sent events, whose last one
 * carries the tokens; tts-1 cannot and bills by character. Pieces of sound are told to whoever watches. @see https://developers.openai.com/api/docs/guides/text-to-speech
 */
export const openaiSpeech: MediaPort<'speech'> = {
  honours: (call) => ['text', 'voice', 'format', 'speed', ...(byCharacter(call) ? [] : ['instructions' as const])],
  submit: (request, call) =>
    withOpenai(call, 'openai', async (client, options) => {
      const body = bodyOf(request, call);
      const response = await client.audio.speech.create(body as unknown as OpenAI.Audio.SpeechCreateParams, options);
      return body.stream_format === 'sse'
        ? readEvents(request, call, body, response)
        : readBytes(request, call, body, response);
    }),
};

function byCharacter(call: Pick<Call, 'model'>): boolean {
  return call.model.startsWith('tts-1');
}

function bodyOf(request: SpeechRequest, call: Call): JsonObject {
  const format = request.format ?? 'mp3';
  if (!mediaTypes[format])
    throw refuse('format', `OpenAI speech cannot be made as "${format}".`, Object.keys(mediaTypes));
  const voice = request.voice ?? stringAt(call.options, 'voice') ?? 'alloy';
  const fields = {
    ...callerParams(request.params, owned),
    model: call.model,
    input: request.text,
    voice: voice.startsWith('voice_') ? { id: voice } : voice,
    response_format: format,
    speed: request.speed,
    instructions: byCharacter(call) ? undefined : request.instructions,
    stream_format: byCharacter(call) ? undefined : 'sse',
  };
  return present(fields) as JsonObject;
}

async function readEvents(
  request: SpeechRequest,
  call: Call,
  body: JsonObject,
  response: Response,
): Promise<Operation> {
  const stream = response.body;
  if (!stream || !response.headers.get('content-type')?.includes('text/event-stream')) {
    return readBytes(request, call, body, response);
  }
  const chunks: Uint8Array[] = [];
  let usage: Json | undefined;
  let complete = false;
  for await (const data of sseData(stream)) {
    if (data === '[DONE]') break;
    const event = JSON.parse(data) as Json;
    const type = stringAt(event, 'type');
    const audio = stringAt(event, 'audio');
    if (type === 'speech.audio.delta' && audio) take(decodeBase64(audio), chunks, call, body);
    else if (type === 'speech.audio.done') {
      complete = true;
      usage = at(event, 'usage');
    } else if (type === 'error' || at(event, 'error') !== undefined) {
      const error = errorOfAnswer('openai', 500, response.headers, event);
      throw new GatewayError(error.code, { ...error.details, failure: chunks.length > 0 ? 'D' : 'C' });
    }
  }
  if (!complete) {
    throw new GatewayError('stream_interrupted', {
      message: 'openai stopped speaking before the end.',
      provider: 'openai',
      failure: chunks.length > 0 ? 'D' : 'C',
      billing: 'unknown',
    });
  }
  return finish(request, call, body, joinBytes(chunks), usage);
}

async function readBytes(request: SpeechRequest, call: Call, body: JsonObject, response: Response): Promise<Operation> {
  const chunks: Uint8Array[] = [];
  const reader = response.body?.getReader();
  try {
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read())
      take(next.value, chunks, call, body);
  } catch (thrown) {
    const error = errorOfThrow('openai', thrown, call.signal);
    throw chunks.length > 0 && call.progress ? new GatewayError(error.code, { ...error.details, failure: 'D' }) : error;
  }
  return finish(request, call, body, joinBytes(chunks), undefined);
}

/** Keeps a piece and shows it. */
function take(bytes: Uint8Array, chunks: Uint8Array[], call: Call, body: JsonObject): void {
  const mediaType = mediaTypes[String(body.response_format)] ?? 'audio/mpeg';
  call.progress?.({ partial: { type: 'asset', asset: { mediaType, bytes } }, index: chunks.length });
  chunks.push(bytes);
}

function finish(
  request: SpeechRequest,
  call: Call,
  body: JsonObject,
  bytes: Uint8Array,
  raw: Json | undefined,
): Operation {
  const format = String(body.response_format);
  const proven = mediaTypeOf(bytes);
  const head = new TextDecoder().decode(bytes.subarray(0, 16)).trimStart();
  if (bytes.length > 0 && !proven && /^[<{]/.test(head) && format !== 'pcm') {
    throw new GatewayError('provider_garbage', {
      message: 'openai answered something that is not audio.',
      provider: 'openai',
      failure: 'C',
      billing: 'unknown',
    });
  }
  const usage = readOpenaiUsage({
    model: call.model,
    endpoint: 'speech',
    modality: 'speech',
    usage: raw,
    request: { input: request.text },
    options: call.options,
  });
  if (bytes.length === 0) {
    const error = new GatewayError('invalid_output', {
      message: 'openai answered without any sound.',
      provider: 'openai',
      failure: 'C',
      billing: raw === undefined ? 'unknown' : 'known',
    });
    return { status: 'failed', error, ...(raw !== undefined && usage ? { usage } : {}) };
  }
  const warnings = dropped('openai', {
    seed: request.seed,
    language: request.language,
    instructions: byCharacter(call) ? request.instructions : undefined,
    voices: request.voices,
    timestamps: request.timestamps || undefined,
  });
  const mediaType = format === 'pcm' ? 'audio/pcm' : (proven ?? mediaTypes[format] ?? 'audio/mpeg');
  return {
    status: 'completed',
    outputs: [{ type: 'asset', asset: { mediaType, bytes: format === 'wav' ? repairWav(bytes) : bytes } }],
    usage: usage ?? { metered: [], source: 'body' },
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}
