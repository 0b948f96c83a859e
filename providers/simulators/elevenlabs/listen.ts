import type { JsonObject } from '../../../src/contract/index.ts';
import { readSpokenText } from '../media/index.ts';
import { probeAudio } from '../openai/audio-probe.ts';
import type { Desk } from './desk.ts';
import { check, FormError, type Rule, WireError } from './wire.ts';

const rules: Record<string, Rule> = {
  model_id: { type: 'string', required: true, oneOf: ['scribe_v1', 'scribe_v2'] },
  tag_audio_events: { type: 'boolean' },
  num_speakers: { type: 'integer', min: 1, max: 32 },
  timestamps_granularity: { type: 'string', oneOf: ['none', 'word', 'character'] },
  diarize: { type: 'boolean' },
  diarization_threshold: { type: 'number', min: 0.1, max: 0.4 },
  file_format: { type: 'string', oneOf: ['pcm_s16le_16', 'other'] },
  temperature: { type: 'number', min: 0, max: 2 },
  seed: { type: 'integer', min: 0, max: 2_147_483_647 },
  webhook: { type: 'boolean' },
  use_multi_channel: { type: 'boolean' },
};
/** What the vendor can do and this simulator cannot: better refused than passed over. */
const beyond = ['source_url', 'cloud_storage_url', 'additional_formats', 'entity_detection', 'entity_redaction'];

/** POST /v1/speech-to-text: says what the simulators' own speech says, and how long foreign audio is. */
export async function speechToText(desk: Desk, request: Request): Promise<Response> {
  const form = await request.formData().catch(() => {
    throw new WireError(400, 'There was an error parsing the body', 'bad_request');
  });
  const fields: JsonObject = {};
  for (const [name, value] of form.entries()) if (typeof value === 'string') fields[name] = readField(name, value);
  check(fields, rules);
  for (const name of [...beyond, 'webhook', 'use_multi_channel']) {
    if (fields[name] === undefined || fields[name] === false) continue;
    throw new WireError(400, `${name} is not simulated.`, 'invalid_parameters', { param: name });
  }
  const file = form.get('file');
  if (!(file instanceof File)) {
    throw new FormError([{ loc: ['body', 'file'], msg: 'Field required', type: 'missing' }]);
  }
  const bytes = new Uint8Array(await file.arrayBuffer());
  const raw = fields.file_format === 'pcm_s16le_16';
  const seconds = raw ? bytes.length / 32_000 : probeAudio(bytes)?.seconds;
  if (!seconds)
    throw new WireError(400, 'The provided audio is invalid or corrupted.', 'invalid_audio', { param: 'file' });
  if (seconds < 0.1) throw new WireError(400, 'The audio is too short.', 'audio_too_short', { param: 'file' });

  const heard = readSpokenText(bytes) ?? `This recording is ${seconds.toFixed(1)} seconds long.`;
  const order = desk.open(request, JSON.stringify([fields, bytes.length, heard]), heard);
  const silent = order.fault === 'empty';
  const text = silent ? '' : heard;
  const duration = Math.round(seconds * 1000) / 1000;
  desk.charge(order, String(fields.model_id), [{ meter: 'input_audio_seconds', quantity: duration }]);
  const language = typeof fields.language_code === 'string' ? fields.language_code : 'eng';
  return desk.deliver(
    order,
    Response.json({
      language_code: language,
      language_probability: 0.98,
      text,
      words: words(text, duration, String(fields.timestamps_granularity ?? 'word'), fields.diarize === true),
      transcription_id: order.id.slice(0, 20),
      audio_duration_secs: duration,
    }),
  );
}

/** Form fields are text: numbers and truth values are read as the vendor does. */
function readField(name: string, value: string): JsonObject[string] {
  const type = rules[name]?.type;
  if (type === 'boolean' && /^(true|false)$/i.test(value)) return value.toLowerCase() === 'true';
  if ((type === 'number' || type === 'integer') && value.trim() !== '' && Number.isFinite(Number(value)))
    return Number(value);
  return value;
}

/** Words and the spaces between them, with times in proportion to their characters. The simulators' voices are one speaker. */
function words(text: string, seconds: number, granularity: string, diarize: boolean): JsonObject[] {
  const whole = [...text].length || 1;
  let passed = 0;
  const time = () => Math.round((passed / whole) * seconds * 1000) / 1000;
  return (text.match(/\S+|\s+/g) ?? []).map((piece): JsonObject => {
    const start = time();
    const characters = [...piece].map((letter) => {
      const begin = time();
      passed += 1;
      return { text: letter, start: begin, end: time() };
    });
    return {
      text: piece,
      ...(granularity === 'none' ? { start: null, end: null } : { start, end: time() }),
      type: piece.trim() === '' ? 'spacing' : 'word',
      speaker_id: diarize ? 'speaker_0' : null,
      logprob: -0.1,
      ...(granularity === 'character' ? { characters } : {}),
    };
  });
}
