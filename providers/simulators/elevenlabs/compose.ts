import { at, isObject, type JsonObject, numberAt } from '../../../src/contract/index.ts';
import { musicPcm } from '../media/index.ts';
import { random } from '../seed.ts';
import type { Desk } from './desk.ts';
import { encode, formats, lengthOf, mediaTypes, type Shape, sampleRateOf, shapeOf } from './sound.ts';
import { stray } from './speak.ts';
import { check, readJson, stream, WireError } from './wire.ts';

/** Credits of a second of sound effects: what $0.12 a minute is at $0.10 for 1000. */
const effectCredits = 20;
const chunkBytes = 4096;

/** POST /v1/music and /v1/music/stream */
export async function compose(desk: Desk, request: Request, streams: boolean): Promise<Response> {
  const { text, body } = await readJson(request);
  check(body, {
    prompt: { type: 'string', maxLength: 4100 },
    lyrics_text: { type: 'string', maxLength: 4000 },
    composition_plan: { type: 'object' },
    music_length_ms: { type: 'integer', min: 3000, max: 600_000 },
    model_id: { type: 'string', oneOf: ['music_v1', 'music_v2', 'music_v2_5'] },
    seed: { type: 'integer', min: 0, max: 2_147_483_647 },
    force_instrumental: { type: 'boolean' },
  });
  const planned = isObject(body.composition_plan);
  const has = (name: string) => body[name] !== undefined && body[name] !== null;
  if (planned === has('prompt')) throw invalid('Exactly one of prompt and composition_plan must be given.', 'prompt');
  if (!planned && has('seed')) throw invalid('A seed cannot be used with a prompt.', 'seed');
  for (const name of ['music_length_ms', 'force_instrumental', 'lyrics_text'].filter((one) => planned && has(one))) {
    throw invalid(`${name} can only be used with a prompt.`, name);
  }
  const words = planned ? JSON.stringify(body.composition_plan) : String(body.prompt);
  if (words.trim() === '') throw invalid('The prompt cannot be empty.', 'prompt');
  const model = String(body.model_id ?? 'music_v1');
  const asked = new URL(request.url).searchParams.get('output_format') ?? 'auto';
  check({ output_format: asked }, { output_format: { type: 'string', oneOf: formats.music } }, 'query');
  const usual = model === 'music_v1' ? 'mp3_44100_128' : 'mp3_48000_192';
  const shape = shapeOf(asked === 'auto' ? usual : asked);

  const order = desk.open(request, text, words, 'bad_prompt');
  const mediaType = mediaTypes[shape.codec] ?? 'audio/mpeg';
  const headers = { 'content-type': mediaType, 'song-id': order.id.slice(0, 20) };
  if (order.fault === 'empty') return desk.deliver(order, new Response(null, { headers }));
  const ordered = planned ? planLength(body.composition_plan as JsonObject) : numberAt(body, 'music_length_ms');
  const seconds = (ordered ?? 1000 * (20 + random(`${desk.seed}|${words}`).below(25))) / 1000;
  const lyrics = body.force_instrumental === true || !has('lyrics_text') ? undefined : String(body.lyrics_text);
  const bytes =
    order.fault === 'wrong-type' ? stray(words) : tune(shape, words, seconds, `${desk.seed}|${model}`, lyrics);
  const billed = ordered === undefined ? lengthOf(shape, seconds) : seconds;
  desk.charge(order, model, [{ meter: 'output_audio_seconds', quantity: billed }]);
  const sound = streams ? stream(pieces(bytes), desk) : (bytes as Uint8Array<ArrayBuffer>);
  return desk.deliver(order, new Response(sound, { headers }));
}

/** POST /v1/sound-generation */
export async function soundGeneration(desk: Desk, request: Request): Promise<Response> {
  const { text, body } = await readJson(request);
  check(body, {
    text: { type: 'string', required: true },
    loop: { type: 'boolean' },
    duration_seconds: { type: 'number' },
    prompt_influence: { type: 'number' },
    model_id: { type: 'string', oneOf: ['eleven_text_to_sound_v2'] },
  });
  const words = String(body.text);
  const asked = numberAt(body, 'duration_seconds');
  const influence = numberAt(body, 'prompt_influence') ?? 0.3;
  if (words.trim() === '') throw new WireError(400, 'The text field cannot be empty.', 'empty_text', { param: 'text' });
  if (asked !== undefined && (asked < 0.5 || asked > 30)) {
    throw invalid('The duration must be between 0.5 and 30 seconds.', 'duration_seconds');
  }
  if (influence < 0 || influence > 1) throw invalid('It must be between 0 and 1.', 'prompt_influence');
  const format = new URL(request.url).searchParams.get('output_format') ?? 'mp3_44100_128';
  check({ output_format: format }, { output_format: { type: 'string', oneOf: formats.stream } }, 'query');
  const shape = shapeOf(format);

  const order = desk.open(request, text, words);
  const type = { 'content-type': mediaTypes[shape.codec] ?? 'audio/mpeg' };
  if (order.fault === 'empty') return desk.deliver(order, new Response(null, { headers: type }));
  const seconds = asked ?? 2 + random(`${desk.seed}|${words}`).below(17) / 2;
  const bytes = order.fault === 'wrong-type' ? stray(words) : tune(shape, words, seconds, desk.seed, undefined);
  const credits = Math.ceil(seconds * effectCredits);
  const model = String(body.model_id ?? 'eleven_text_to_sound_v2');
  desk.charge(order, model, [{ meter: 'provider_credits', quantity: credits, dims: { unit: 'credit' } }]);
  const headers = { ...type, 'character-cost': String(credits) };
  return desk.deliver(order, new Response(bytes as Uint8Array<ArrayBuffer>, { headers }));
}

function tune(shape: Shape, prompt: string, seconds: number, seed: string, lyrics: string | undefined): Uint8Array {
  const sampleRate = sampleRateOf(shape);
  // MP3 and Opus make their own tones: only the length counts.
  if (shape.codec === 'mp3' || shape.codec === 'opus') {
    return encode(shape, new Int16Array(Math.round(seconds * sampleRate)), lyrics);
  }
  const channels = shape.codec === 'pcm' ? 2 : 1;
  return encode(shape, musicPcm({ prompt, seconds, sampleRate, channels, seed }), undefined, channels);
}

function planLength(plan: JsonObject): number {
  const sections = at(plan, 'sections') ?? at(plan, 'chunks');
  const list = Array.isArray(sections) ? sections : [];
  const length = list.reduce((sum: number, section) => sum + (numberAt(section, 'duration_ms') ?? 0), 0);
  if (length < 3000 || length > 600_000) throw invalid('A plan lasts 3 to 600 seconds.', 'composition_plan');
  return length;
}

function invalid(message: string, param: string): WireError {
  return new WireError(400, message, 'invalid_parameters', { param });
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += chunkBytes) yield bytes.subarray(start, start + chunkBytes);
}
