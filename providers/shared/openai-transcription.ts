import {
  at,
  type Call,
  GatewayError,
  isObject,
  type Json,
  type JsonObject,
  type MediaPort,
  type Operation,
  stringAt,
  type TranscriptionRequest,
} from '../../src/contract/index.ts';
import { fileOf } from './bytes.ts';
import { withOpenai } from './openai-client.ts';
import { transcribe } from './openai-transcription-stream.ts';
import { callerParams, dropped, present, refuse } from './params.ts';
import { cuesOf, writeSrt, writeVtt } from './transcript.ts';
import { readOpenaiUsage } from './usage-openai.ts';

const owned = [
  'model',
  'file',
  'language',
  'prompt',
  'response_format',
  'temperature',
  'timestamp_granularities',
  'stream',
];

type Kind = { formats: string[]; prompts: boolean; stamps: boolean; streams: boolean; wire(format: string): string };

/** What each family of models can return, and what to ask for so that the answer carries usage: text, srt and vtt never do. */
const whisper: Kind = {
  formats: ['json', 'text', 'srt', 'vtt', 'verbose_json'],
  prompts: true,
  stamps: true,
  streams: false,
  wire: (format) => (format === 'json' || format === 'text' ? 'json' : 'verbose_json'),
};
const diarize: Kind = {
  formats: ['json', 'text', 'srt', 'vtt', 'diarized_json'],
  prompts: false,
  stamps: false,
  streams: true,
  wire: (format) => (format === 'json' || format === 'text' ? 'json' : 'diarized_json'),
};
const plain: Kind = { formats: ['json', 'text'], prompts: true, stamps: false, streams: true, wire: () => 'json' };

function kindOf(model: string): Kind {
  if (model.startsWith('whisper')) return whisper;
  return model.includes('diarize') ? diarize : plain;
}

/**
 * Transcription and translation by OpenAI. The text part holds what the asked format reads as (plain text, SubRip, WebVTT);
 * its annotation is the provider's own answer without usage (language, duration, segments, words).
 */
export const openaiTranscription: MediaPort<'transcription'> = {
  honours: ({ model }) => {
    const kind = kindOf(model);
    const more =
      kind === whisper ? (['translate', 'timestamps'] as const) : kind === diarize ? (['diarize'] as const) : [];
    return ['audio', 'language', 'format', 'temperature', ...(kind.prompts ? ['prompt' as const] : []), ...more];
  },
  submit: (request, call) =>
    withOpenai(call, 'openai', async (client, options) => {
      const kind = kindOf(call.model);
      const format = request.format ?? 'json';
      if (!kind.formats.includes(format))
        throw refuse('format', `${call.model} cannot answer as "${format}".`, kind.formats);
      if (request.timestamps && !kind.stamps) throw refuse('timestamps', `${call.model} gives no timestamps.`);
      if (request.translate && kind !== whisper) throw refuse('translate', `${call.model} cannot translate.`);
      const shared = {
        ...callerParams(request.params, owned),
        file: await fileOf(request.audio, 'audio'),
        model: call.model,
        prompt: kind.prompts ? request.prompt : undefined,
        temperature: request.temperature,
      };
      const answer = request.translate
        ? // Only the verbose form tells the duration that is billed.
          await client.audio.translations.create(
            present({ ...shared, response_format: 'verbose_json' as const }),
            options,
          )
        : await transcribe(client, call, kind.streams, options, {
            ...shared,
            language: request.language,
            response_format: request.timestamps
              ? 'verbose_json'
              : kind.wire(request.diarize && format === 'json' ? 'diarized_json' : format),
            timestamp_granularities: request.timestamps,
            ...(kind === diarize && !request.params?.chunking_strategy ? { chunking_strategy: 'auto' as const } : {}),
          });
      return readAnswer(request, call, answer as unknown as Json, format, kind);
    }),
};

function readAnswer(request: TranscriptionRequest, call: Call, answer: Json, format: string, kind: Kind): Operation {
  const heard = stringAt(answer, 'text');
  const silent = (code: 'invalid_output' | 'provider_garbage', billing: 'known' | 'unknown') =>
    new GatewayError(code, {
      message: 'openai answered without a transcript.',
      provider: 'openai',
      failure: 'C',
      billing,
    });
  if (!isObject(answer)) throw silent('provider_garbage', 'unknown');
  const { usage: raw, ...transcript } = answer;
  const usage = readOpenaiUsage({
    model: call.model,
    endpoint: 'transcription',
    modality: 'transcription',
    usage: raw,
    response: present({ duration: at(answer, 'duration') }) as JsonObject,
    options: call.options,
  });
  if (heard === undefined) {
    const error = silent('invalid_output', usage ? 'known' : 'unknown');
    return { status: 'failed', error, ...(usage ? { usage } : {}) };
  }
  const cues = format === 'srt' || format === 'vtt' ? cuesOf(answer) : [];
  const text = format === 'srt' ? writeSrt(cues) : format === 'vtt' ? writeVtt(cues) : heard;
  const warnings = dropped('openai', {
    seed: request.seed,
    user: request.user,
    prompt: kind.prompts ? undefined : request.prompt,
    language: request.translate ? request.language : undefined,
    diarize: kind === diarize ? undefined : request.diarize || undefined,
  });
  return {
    status: 'completed',
    outputs: [{ type: 'text', text, annotations: [transcript] }],
    usage: usage ?? { metered: [], source: 'body' },
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}
