import { toBase64 } from '../base64.ts';
import type { BilledCall, Charge } from '../bill.ts';
import { aac, flac, mp3, opus, speechPcm, wav } from '../media/index.ts';
import { countTokens } from '../text.ts';
import { probeAudio } from './audio-probe.ts';
import { check, checkWord, missing, type Rule } from './check.ts';
import { requireKind } from './models.ts';
import { clientOf, type Desk, type Frame, readJson, stream, WireError } from './wire.ts';

const sampleRate = 24_000;
const tokensPerSecond = 20;
const chunkBytes = 16_384;
const early = ['alloy', 'ash', 'coral', 'echo', 'fable', 'nova', 'onyx', 'sage', 'shimmer'];
const voices = [...early, 'ballad', 'verse', 'marin', 'cedar'];
const mediaTypes = {
  mp3: 'audio/mpeg',
  opus: 'audio/opus',
  aac: 'audio/aac',
  flac: 'audio/flac',
  wav: 'audio/wav',
  pcm: 'audio/pcm',
};

const rules: Record<string, Rule> = {
  model: { type: 'string', required: true },
  input: { type: 'string', max: 4096, required: true },
  voice: { type: ['string', 'object'], required: true },
  instructions: { type: 'string', max: 4096 },
  response_format: { type: 'string', oneOf: Object.keys(mediaTypes) },
  speed: { type: 'number', min: 0.25, max: 4 },
  stream_format: { type: 'string', oneOf: ['audio', 'sse'] },
};

/** POST /audio/speech */
export async function speech(desk: Desk, request: Request): Promise<Response> {
  const { text, body } = await readJson(request);
  const { strict } = desk.quirks;
  check(body, rules, strict ? 'parameter' : 'ignore');
  const model = String(body.model);
  if (strict) requireKind(model, 'speech', '/audio/speech');
  const input = String(body.input);
  if (input.trim() === '') throw missing('input');
  const plain = /^tts-/.test(model);
  if (strict && typeof body.voice === 'string') checkWord('voice', body.voice, plain ? early : voices);
  const sse = body.stream_format === 'sse';
  if (sse && plain) {
    throw new WireError(400, `'sse' is not supported for the model '${model}'.`, {
      param: 'stream_format',
      code: 'unsupported_value',
    });
  }
  const speed = typeof body.speed === 'number' ? body.speed : 1;
  const format = (body.response_format ?? 'mp3') as keyof typeof mediaTypes;
  const pcm = speechPcm({ text: input, speed, sampleRate, seed: `${desk.seed}|${JSON.stringify(body.voice)}` });
  const bytes = encode(format, pcm, input);
  const seconds = format === 'pcm' ? pcm.length / sampleRate : (probeAudio(bytes)?.seconds ?? 0);

  const inputTokens = countTokens(input) + countTokens(typeof body.instructions === 'string' ? body.instructions : '');
  const outputTokens = Math.ceil(seconds * tokensPerSecond - 1e-6);
  const call: BilledCall = {
    client: clientOf(request),
    id: desk.idFor('speech_', text),
    model,
    at: desk.now(),
    charges: [],
  };
  desk.bill.add(call);
  const bill = (tokens: number) => {
    const metered: Charge[] = plain
      ? [{ meter: 'input_characters', quantity: [...input].length }]
      : [
          { meter: 'input_text_tokens', quantity: inputTokens },
          { meter: 'output_audio_tokens', quantity: tokens },
        ];
    call.charges.push(...metered);
  };
  if (!sse) {
    bill(outputTokens);
    return new Response(bytes, { headers: { 'content-type': mediaTypes[format] } });
  }
  function* frames(): Generator<Frame> {
    const share = (chunkBytes / bytes.length) * outputTokens;
    for (let start = 0; start < bytes.length; start += chunkBytes) {
      const audio = toBase64(bytes.subarray(start, start + chunkBytes));
      yield { data: { type: 'speech.audio.delta', audio }, tokens: share };
    }
    const usage = { input_tokens: inputTokens, output_tokens: outputTokens, total_tokens: inputTokens + outputTokens };
    yield { data: { type: 'speech.audio.done', usage } };
  }
  return stream(desk, request, frames(), (tokens, complete) =>
    bill(complete ? outputTokens : Math.min(outputTokens, Math.ceil(tokens))),
  );
}

function encode(format: keyof typeof mediaTypes, pcm: Int16Array, text: string): Uint8Array<ArrayBuffer> {
  const seconds = pcm.length / sampleRate;
  const encoders: Record<keyof typeof mediaTypes, () => Uint8Array> = {
    mp3: () => mp3({ seconds, text, sampleRate }),
    opus: () => opus({ seconds, text }),
    aac: () => aac({ seconds, text, sampleRate }),
    flac: () => flac(pcm, { sampleRate, channels: 1, text }),
    wav: () => wav(pcm, { sampleRate, channels: 1 }),
    pcm: () => new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength),
  };
  return encoders[format]() as Uint8Array<ArrayBuffer>;
}
