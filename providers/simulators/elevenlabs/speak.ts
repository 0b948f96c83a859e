import { isObject, type JsonObject } from '../../../src/contract/index.ts';
import { toBase64 } from '../base64.ts';
import { hideText } from '../media/hidden-text.ts';
import { png, speechPcm } from '../media/index.ts';
import type { Desk, Order } from './desk.ts';
import { requireSpeech, requireVoice } from './models.ts';
import { encode, formats, mediaTypes, sampleRateOf, shapeOf } from './sound.ts';
import { check, FormError, type Rule, readJson, stream, WireError } from './wire.ts';

const chunkBytes = 4096;
const chunkCharacters = 24;
type Utterance = { text: string; voice: string };
type Manner = { streams: boolean; timed: boolean };

const shared: Record<string, Rule> = {
  model_id: { type: 'string' },
  language_code: { type: 'string' },
  seed: { type: 'integer', min: 0, max: 4_294_967_295 },
  apply_text_normalization: { type: 'string', oneOf: ['auto', 'on', 'off'] },
};

/** POST /v1/text-to-speech/{voice_id}, with `/stream` and `/with-timestamps`. */
export async function textToSpeech(desk: Desk, request: Request, voice: string, manner: Manner): Promise<Response> {
  const { text, body } = await readJson(request);
  check(body, {
    ...shared,
    text: { type: 'string', required: true },
    voice_settings: { type: 'object' },
    previous_text: { type: 'string' },
    next_text: { type: 'string' },
  });
  const settings = isObject(body.voice_settings) ? body.voice_settings : {};
  const speed = typeof settings.speed === 'number' ? settings.speed : 1;
  if (speed < 0.7 || speed > 1.2) {
    const message = `Invalid setting for speed received, expected to be greater or equal to 0.7 and less or equal to 1.2, received ${speed}.`;
    throw new WireError(400, message, 'invalid_voice_settings', { param: 'voice_settings.speed' });
  }
  const order = desk.open(request, text, String(body.text));
  return speak(desk, request, body, [{ text: String(body.text), voice: requireVoice(voice) }], speed, manner, order);
}

/** POST /v1/text-to-dialogue, with `/stream` and `/with-timestamps`. */
export async function textToDialogue(desk: Desk, request: Request, manner: Manner): Promise<Response> {
  const { text, body } = await readJson(request);
  check(body, { ...shared, inputs: { type: 'array', required: true }, settings: { type: 'object' } });
  const lines = Array.isArray(body.inputs) ? body.inputs : [];
  const inputs = lines.map((line, index) => {
    const { text: words, voice_id: voice } = isObject(line) ? line : {};
    if (typeof words === 'string' && typeof voice === 'string') return { text: words, voice: requireVoice(voice) };
    const missing = typeof words === 'string' ? 'voice_id' : 'text';
    throw new FormError([{ loc: ['body', 'inputs', index, missing], msg: 'Field required', type: 'missing' }]);
  });
  if (inputs.length === 0 || new Set(inputs.map(({ voice }) => voice)).size > 10) {
    throw new WireError(400, 'A dialogue needs 1 to 10 voices.', 'invalid_parameters', { param: 'inputs' });
  }
  const model = requireSpeech(String(body.model_id ?? 'eleven_v3'));
  if (!model.dialogue) {
    const message = `The model ${model.id} does not support text to dialogue.`;
    throw new WireError(400, message, 'unsupported_model', { param: 'model_id' });
  }
  const order = desk.open(request, text, inputs.map((input) => input.text).join('\n'));
  return speak(desk, request, { model_id: 'eleven_v3', ...body }, inputs, 1, manner, order);
}

function speak(
  desk: Desk,
  request: Request,
  body: JsonObject,
  inputs: Utterance[],
  speed: number,
  { streams, timed }: Manner,
  order: Order,
): Response {
  const model = requireSpeech(String(body.model_id ?? 'eleven_multilingual_v2'));
  const format = new URL(request.url).searchParams.get('output_format') ?? 'mp3_44100_128';
  const listed = streams ? formats.stream : formats.whole;
  check({ output_format: format }, { output_format: { type: 'string', oneOf: listed } }, 'query');
  const characters = inputs.reduce((sum, { text }) => sum + [...text].length, 0);
  if (inputs.every(({ text }) => text.trim() === '')) {
    throw new WireError(400, 'The text field cannot be empty.', 'empty_text', { param: 'text' });
  }
  if (characters > model.most) {
    const message = `This request's text has ${characters} characters and exceeds the character limit of ${model.most} characters.`;
    throw new WireError(400, message, 'text_too_long', { status: 'max_character_limit_exceeded', param: 'text' });
  }
  if (body.language_code && !model.language) {
    const message = `Model '${model.id}' does not support the language_code '${String(body.language_code)}'.`;
    throw new WireError(400, message, 'unsupported_language', { param: 'language_code' });
  }
  const shape = shapeOf(format);
  const mediaType = mediaTypes[shape.codec] ?? 'audio/mpeg';
  if (order.fault === 'empty')
    return desk.deliver(order, new Response(null, { headers: { 'content-type': mediaType } }));

  const { samples, alignment, segments } = perform(desk, inputs, speed, sampleRateOf(shape));
  const spoken = inputs.map(({ text }) => text).join('\n');
  const bytes = order.fault === 'wrong-type' ? stray(spoken) : encode(shape, samples, spoken);
  const credits = Math.ceil(characters * model.credits);
  desk.charge(order, model.id, [{ meter: 'provider_credits', quantity: credits, dims: { unit: 'credit' } }]);
  const headers = { 'character-cost': String(credits), 'history-item-id': order.id.slice(0, 20) };
  if (!timed) {
    const sound = streams ? stream(pieces(bytes), desk) : (bytes as Uint8Array<ArrayBuffer>);
    return desk.deliver(order, new Response(sound, { headers: { ...headers, 'content-type': mediaType } }));
  }
  const speakers = body.inputs === undefined ? undefined : segments;
  if (!streams) {
    const voices = speakers ? { voice_segments: speakers } : {};
    const answer = { audio_base64: toBase64(bytes), alignment, normalized_alignment: alignment, ...voices };
    return desk.deliver(order, Response.json(answer, { headers }));
  }
  const lines = timedLines(bytes, alignment, speakers);
  const type = { 'content-type': 'application/json' };
  return desk.deliver(order, new Response(stream(lines, desk), { headers: { ...headers, ...type } }));
}

type Alignment = {
  characters: string[];
  character_start_times_seconds: number[];
  character_end_times_seconds: number[];
};

/** The lines one after another, each in its voice; every character takes the same share of its line's time. */
function perform(desk: Desk, inputs: Utterance[], speed: number, sampleRate: number) {
  const alignment: Alignment = {
    characters: [],
    character_start_times_seconds: [],
    character_end_times_seconds: [],
  };
  const segments: JsonObject[] = [];
  const parts: Int16Array[] = [];
  let passed = 0;
  for (const [index, { text, voice }] of inputs.entries()) {
    const part = speechPcm({ text, speed, sampleRate, seed: `${desk.seed}|${voice}` });
    const letters = [...text];
    const begin = alignment.characters.length;
    const time = (letter: number) =>
      Math.round(((passed + (part.length * letter) / letters.length) / sampleRate) * 1000) / 1000;
    for (const [place, letter] of letters.entries()) {
      alignment.characters.push(letter);
      alignment.character_start_times_seconds.push(time(place));
      alignment.character_end_times_seconds.push(time(place + 1));
    }
    segments.push({
      voice_id: voice,
      start_time_seconds: time(0),
      end_time_seconds: time(letters.length),
      character_start_index: begin,
      character_end_index: alignment.characters.length,
      dialogue_input_index: index,
    });
    passed += part.length;
    parts.push(part);
  }
  const samples = new Int16Array(passed);
  let place = 0;
  for (const part of parts) {
    samples.set(part, place);
    place += part.length;
  }
  if (parts.length > 1) hideText(samples, inputs.map(({ text }) => text).join('\n'));
  return { samples, alignment, segments };
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += chunkBytes) yield bytes.subarray(start, start + chunkBytes);
}

/** A JSON object a line: a piece of the sound with the times of its characters. */
function* timedLines(bytes: Uint8Array, whole: Alignment, segments: JsonObject[] | undefined): Generator<Uint8Array> {
  const count = Math.max(1, Math.ceil(whole.characters.length / chunkCharacters));
  const size = Math.ceil(bytes.length / count / 2) * 2;
  for (let index = 0; index < count; index++) {
    const cut = <T>(list: T[]) => list.slice(index * chunkCharacters, (index + 1) * chunkCharacters);
    const alignment: Alignment = {
      characters: cut(whole.characters),
      character_start_times_seconds: cut(whole.character_start_times_seconds),
      character_end_times_seconds: cut(whole.character_end_times_seconds),
    };
    const last = index === count - 1;
    const piece = {
      audio_base64: toBase64(bytes.subarray(index * size, last ? bytes.length : (index + 1) * size)),
      alignment,
      normalized_alignment: alignment,
      ...(segments ? { voice_segments: last ? segments : [] } : {}),
    };
    yield new TextEncoder().encode(`${JSON.stringify(piece)}\n`);
  }
}

/** A picture where sound was expected. */
export function stray(seed: string): Uint8Array {
  return png({ width: 16, height: 16, seed });
}
