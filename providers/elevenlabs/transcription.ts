import {
  type Call,
  type JsonObject,
  type MediaPort,
  numberAt,
  type TranscriptionRequest,
} from '../../src/contract/index.ts';
import { fileOf } from '../shared/bytes.ts';
import { callerParams, refuse } from '../shared/params.ts';
import { writeSrt, writeVtt } from '../shared/transcript.ts';
import { deliver } from './deliver.ts';
import { garbage, post, readJson } from './send.ts';
import { readTranscript } from './transcript.ts';

const formats = ['json', 'text', 'srt', 'vtt', 'verbose_json', 'diarized_json'];
const owned = ['model_id', 'file', 'source_url', 'cloud_storage_url', 'webhook', 'webhook_id', 'webhook_metadata'];
/** Parameters of the vendor that raise its price by a share. */
const dearer = ['keyterms', 'entity_detection', 'entity_redaction'];

/**
 * Transcription by Scribe. The text part holds what the asked format reads as (plain text, SubRip, WebVTT); its annotation is the
 * transcript `{text, language, duration, words, segments}`, with speakers where they were told apart.
 * https://elevenlabs.io/docs/api-reference/speech-to-text/convert
 */
export const transcription: Pick<MediaPort<'transcription'>, 'submit'> = {
  async submit(request, call) {
    const format = request.format ?? 'json';
    if (!formats.includes(format)) throw refuse('format', `Scribe cannot answer as "${format}".`, formats);
    if (request.translate) throw refuse('translate', 'Scribe cannot translate.');
    const form = await formOf(request, call, format);
    const response = await post(call, '/v1/speech-to-text', {}, form);
    const extra = dearer.filter((name) => request.params?.[name] !== undefined && request.params[name] !== null);
    const warnings = extra.map((name) => `elevenlabs bills ${name} on top of the length; that is not in the price.`);
    const asked = { endpoint: 'speech-to-text', modality: 'transcription' } as const;
    return deliver(response, call, asked, warnings, async () => {
      const answer = await readJson(response, call);
      const transcript = readTranscript(answer);
      if (!transcript) throw garbage('without a transcript');
      const cues = transcript.segments.map((cue) =>
        cue.speaker ? { ...cue, text: `${cue.speaker}: ${cue.text}` } : cue,
      );
      const written = format === 'srt' ? writeSrt(cues) : format === 'vtt' ? writeVtt(cues) : transcript.text;
      const figures: JsonObject = { words: answer.words ?? [] };
      const seconds = numberAt(answer, 'audio_duration_secs');
      if (seconds !== undefined) figures.audio_duration_secs = seconds;
      return {
        outputs: [{ type: 'text', text: written, annotations: [transcript] }],
        response: figures,
      };
    });
  },
};

async function formOf(request: TranscriptionRequest, call: Call, format: string): Promise<FormData> {
  const params = callerParams(request.params, owned);
  const form = new FormData();
  form.set('model_id', call.model);
  const { audio } = request;
  // Scribe fetches public addresses itself; the gateway hands over bytes.
  if ('url' in audio && !audio.url.startsWith('data:')) form.set('source_url', audio.url);
  else form.set('file', await fileOf(audio, 'audio'));
  const fields: Record<string, unknown> = {
    language_code: request.language?.split(/[-_]/)[0],
    diarize: request.diarize || format === 'diarized_json' ? true : undefined,
    timestamps_granularity: request.timestamps ? 'word' : undefined,
    temperature: request.temperature,
    seed: request.seed,
    ...params,
  };
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue;
    for (const one of name === 'additional_formats' ? [value] : [value].flat()) {
      form.append(name, typeof one === 'object' ? JSON.stringify(one) : String(one));
    }
  }
  return form;
}
