import type { JsonObject } from '../../../src/contract/index.ts';
import { toBase64 } from '../base64.ts';
import { flac, mp3, opus, readSpokenText, speechPcm, wav } from '../media/index.ts';
import { probeAudio } from '../openai/audio-probe.ts';
import { check, missing } from '../openai/check.ts';
import type { Endpoint } from '../openai/routes.ts';
import { clientOf, type Desk, type Frame, readJson, stream, WireError } from '../openai/wire.ts';
import { countTokens, pieces } from '../text.ts';

const sampleRate = 24_000;
const chunkBytes = 16_384;
const formats = ['mp3', 'wav', 'flac', 'opus', 'pcm'];

/** Speech in base64, and transcription. https://docs.mistral.ai/api/endpoint/audio */
export const mistralAudio: Record<string, Endpoint> = { '/audio/speech': speak, '/audio/transcriptions': listen };

async function speak(desk: Desk, request: Request): Promise<Response> {
  const { text, body } = await readJson(request);
  check(
    body,
    { input: { type: 'string', min: 1, required: true }, response_format: { type: 'string', oneOf: formats } },
    'ignore',
  );
  const input = String(body.input);
  const model = typeof body.model === 'string' ? body.model : 'voxtral-mini-tts-latest';
  const pcm = speechPcm({ text: input, sampleRate, seed: `${desk.seed}|${String(body.voice_id ?? '')}` });
  const bytes = encode(String(body.response_format ?? 'mp3'), pcm, input);
  const id = desk.idFor('', 'speech', text);
  desk.bill.add({
    client: clientOf(request),
    id,
    model,
    at: desk.now(),
    charges: [{ meter: 'input_characters', quantity: [...input].length }],
  });
  if (body.stream !== true) return Response.json({ audio_data: toBase64(bytes) });
  function* frames(): Generator<Frame> {
    for (let start = 0; start < bytes.length; start += chunkBytes) {
      const data = { type: 'speech.audio.delta', audio_data: toBase64(bytes.subarray(start, start + chunkBytes)) };
      yield { event: data.type, data };
    }
    const tokens = countTokens(input);
    const usage = { prompt_tokens: tokens, completion_tokens: 0, total_tokens: tokens };
    yield { event: 'speech.audio.done', data: { type: 'speech.audio.done', usage } };
  }
  return stream(desk, request, frames(), () => {});
}

async function listen(desk: Desk, request: Request): Promise<Response> {
  const form = await request.formData().catch(() => {
    throw new WireError(400, 'Could not parse multipart form.');
  });
  const file = form.get('file');
  const model = form.get('model');
  if (typeof model !== 'string') throw missing('model');
  if (!(file instanceof File)) throw missing('file');
  const bytes = new Uint8Array(await file.arrayBuffer());
  const found = probeAudio(bytes);
  if (!found) throw new WireError(422, 'The audio could not be decoded.', { param: 'file' });
  const seconds = Math.ceil(found.seconds - 1e-6);
  const text = readSpokenText(bytes) ?? `This recording is ${found.seconds.toFixed(1)} seconds long.`;
  const output = countTokens(text);
  desk.bill.add({
    client: clientOf(request),
    id: desk.idFor('', 'transcription', text, String(bytes.length)),
    model,
    at: desk.now(),
    charges: [{ meter: 'input_audio_seconds', quantity: seconds }],
  });
  const usage: JsonObject = {
    prompt_audio_seconds: seconds,
    prompt_tokens: 0,
    completion_tokens: output,
    total_tokens: output,
  };
  const language = typeof form.get('language') === 'string' ? String(form.get('language')) : null;
  const timed = form.has('timestamp_granularities');
  const segments = timed ? [{ type: 'transcription_segment', text, start: 0, end: found.seconds }] : [];
  const whole = { model, text, language, segments, usage };
  if (form.get('stream') !== 'true') return Response.json(whole);
  function* frames(): Generator<Frame> {
    const told = (data: JsonObject): Frame => ({ event: String(data.type), data });
    for (const piece of pieces(text)) yield told({ type: 'transcription.text.delta', text: piece });
    yield told({ type: 'transcription.done', ...whole });
  }
  return stream(desk, request, frames(), () => {});
}

function encode(format: string, pcm: Int16Array, text: string): Uint8Array {
  const seconds = pcm.length / sampleRate;
  if (format === 'wav') return wav(pcm, { sampleRate, channels: 1 });
  if (format === 'flac') return flac(pcm, { sampleRate, channels: 1, text });
  if (format === 'opus') return opus({ seconds, text });
  if (format === 'pcm') return new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength);
  return mp3({ seconds, text, sampleRate });
}
