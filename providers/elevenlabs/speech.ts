import {
  type Call,
  isObject,
  type JsonObject,
  type MediaPort,
  type Part,
  type SpeechRequest,
} from '../../src/contract/index.ts';
import { decodeBase64 } from '../shared/bytes.ts';
import { callerParams, dropped, present, refuse } from '../shared/params.ts';
import { type Alignment, readAlignment, readTimedChunks } from './alignment.ts';
import { deliver, readSound, soundPart } from './deliver.ts';
import { type Line, readLines } from './dialogue.ts';
import { mediaTypeOfFormat, outputFormat } from './format.ts';
import { garbage, post, readJson } from './send.ts';
import { voiceId } from './voices.ts';
import { speaksDialogues, takesLanguage } from './voicing.ts';

/** Parameters of the vendor that stand in the query. */
const queried = ['enable_logging', 'optimize_streaming_latency'];
const owned = ['text', 'inputs', 'model_id', 'output_format', 'seed', 'language_code'];

/**
 * Speech, or a dialogue where several speakers are given. Its words come with `timestamps: true` as a text part beside the sound, whose
 * annotation `{type: "character_timestamps", characters, starts, ends}` has the seconds of every character (of a dialogue also
 * `segments`, the vendor's own account of who speaks when). With `Call.progress` the sound is shown as it comes, except WAV, which the
 * vendor does not stream. https://elevenlabs.io/docs/api-reference/text-to-speech/convert
 */
export const speech: Pick<MediaPort<'speech'>, 'submit'> = {
  async submit(request, call) {
    const format = outputFormat('speech', request.format ?? 'mp3');
    const { path, body, spoken, warnings } = planOf(request, call);
    const streams = call.progress !== undefined && !format.startsWith('wav');
    const query: Record<string, string | undefined> = { output_format: format };
    for (const name of queried) {
      if (body[name] !== undefined) query[name] = String(body[name]);
      delete body[name];
    }
    const ending = `${streams ? '/stream' : ''}${request.timestamps ? '/with-timestamps' : ''}`;
    const response = await post(call, path + ending, query, body);
    const mediaType = mediaTypeOfFormat(format);
    const observed = { endpoint: 'text-to-speech', modality: 'speech', request: body } as const;
    return deliver(response, call, observed, warnings, async () => {
      if (!request.timestamps) return { outputs: [soundPart(await readSound(response, call, mediaType), mediaType)] };
      const { bytes, alignment } = streams
        ? await readTimedChunks(response, call, mediaType)
        : await readTimed(response, call);
      return { outputs: [soundPart(bytes, mediaType), timesPart(spoken, alignment)] };
    });
  },
};

type Plan = { path: string; body: JsonObject; spoken: string; warnings: string[] };

function planOf(request: SpeechRequest, call: Call): Plan {
  const params = callerParams(request.params, owned);
  const shared = {
    model_id: call.model,
    // ISO 639-1: "en" of "en-US".
    language_code: takesLanguage(call) ? request.language?.split(/[-_]/)[0] : undefined,
    seed: request.seed,
  };
  const lines = request.voices?.length ? readLines(request, call) : [];
  if (new Set(lines.map((line) => line.voice_id)).size > 1) {
    if (!speaksDialogues(call)) throw refuse('voices', `${call.model} speaks with one voice at a time.`);
    const body = present({ ...params, ...shared, inputs: lines }) as JsonObject;
    const warnings = dropped('an ElevenLabs dialogue', { speed: request.speed });
    return { path: '/v1/text-to-dialogue', body, spoken: textOf(lines), warnings };
  }
  const voice = lines[0]?.voice_id ?? voiceId(request.voice, call);
  const text = lines.length > 0 ? textOf(lines) : request.text;
  const settings = isObject(params.voice_settings) ? params.voice_settings : undefined;
  const body = present({
    ...params,
    ...shared,
    text,
    voice_settings: request.speed === undefined ? settings : { ...settings, speed: request.speed },
  }) as JsonObject;
  return { path: `/v1/text-to-speech/${encodeURIComponent(voice)}`, body, spoken: text, warnings: [] };
}

function textOf(lines: readonly Line[]): string {
  return lines.map((line) => line.text).join('\n');
}

async function readTimed(response: Response, call: Call): Promise<{ bytes: Uint8Array; alignment: Alignment }> {
  const answer = await readJson(response, call);
  if (typeof answer.audio_base64 !== 'string' || answer.audio_base64 === '') throw garbage('without any sound');
  return { bytes: decodeBase64(answer.audio_base64), alignment: readAlignment(answer) };
}

function timesPart(spoken: string, { characters, starts, ends, segments }: Alignment): Part {
  const annotation = { type: 'character_timestamps', characters, starts, ends, ...(segments ? { segments } : {}) };
  return { type: 'text', text: spoken, annotations: [annotation] };
}
