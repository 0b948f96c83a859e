import {
  isObject,
  type Json,
  type JsonObject,
  type MediaPort,
  type Part,
  type SpeechRequest,
  stringAt,
  type TranscriptionRequest,
} from '../../src/contract/index.ts';
import { mediaTypeOf } from './bytes.ts';
import { answerParts, generate, nothingMade } from './google-client.ts';
import {
  completed,
  failed,
  type GenerateContentResponse,
  inlinePart,
  mediaParts,
  runMedia,
  textOf,
  usageOf,
} from './google-media.ts';
import { isSpecialist } from './google-model.ts';
import { dropped, present, refuse } from './params.ts';
import { type Cue, writeSrt, writeVtt } from './transcript.ts';
import { wrapPcm } from './wav.ts';

/**
 * Speech by Gemini: raw 16-bit PCM, wrapped as WAV here. Several speakers by `voices`, the text in lines "Name: words".
 * @see https://ai.google.dev/gemini-api/docs/speech-generation
 */
export const googleSpeech: Pick<MediaPort<'speech'>, 'submit'> = {
  submit: (request, call) =>
    runMedia(call, 'speech', async (client) => {
      const format = request.format ?? 'wav';
      if (format !== 'wav' && format !== 'pcm')
        throw refuse('format', `Gemini speech cannot be made as "${format}".`, ['wav', 'pcm']);
      if (request.speed !== undefined && request.speed !== 1)
        throw refuse('speed', 'Gemini speech takes its pace from the instructions.', ['1']);
      const gap = (request.voices?.length ?? 0) > 1 ? ':\n' : ': ';
      const text = request.instructions ? `${direction(request.instructions)}${gap}${request.text}` : request.text;
      const response = await generate(client, call, {
        contents: [{ role: 'user', parts: [{ text }] }],
        config: present({
          responseModalities: ['AUDIO'],
          seed: request.seed,
          speechConfig: speechConfig(request, stringAt(call.options, 'voice')),
        }) as JsonObject,
        params: request.params,
      });
      const heard = mediaParts(answerParts(response), 'audio')[0];
      if (!heard) return failed(call, 'speech', nothingMade(response, 'speech'), response.usageMetadata);
      const usage = usageOf(call, 'speech', response.usageMetadata);
      const warnings = dropped('google', { user: request.user, timestamps: request.timestamps || undefined });
      return completed([speechPart(heard, format)], usage, warnings);
    }),
};

/** Gemini TTS is directed in the prompt itself: "Say cheerfully: …". */
function direction(instructions: string): string {
  const words = instructions.replace(/[\s:.]+$/, '').replace(/\s*\n\s*/g, ' ');
  return /^(say|speak|read|tts|narrate)\b/i.test(words) ? words : `Read aloud (${words})`;
}

function speechConfig(request: SpeechRequest, usual: string | undefined): JsonObject | undefined {
  if (isObject(request.params?.speechConfig)) return undefined;
  const voice = (voiceName: string) => ({ prebuiltVoiceConfig: { voiceName } });
  const [first, ...others] = request.voices ?? [];
  const speakers = others.length > 0 ? request.voices : undefined;
  return present({
    languageCode: request.language,
    voiceConfig: speakers ? undefined : voice(first?.voice ?? request.voice ?? usual ?? 'Kore'),
    multiSpeakerVoiceConfig: speakers && {
      speakerVoiceConfigs: speakers.map((one) => ({ speaker: one.speaker, voiceConfig: voice(one.voice) })),
    },
  }) as JsonObject;
}

function speechPart(heard: { mediaType: string; bytes: Uint8Array }, format: string): Part {
  const proven = mediaTypeOf(heard.bytes);
  if (proven) return { type: 'asset', asset: { mediaType: proven, bytes: heard.bytes } };
  const number = (name: string, otherwise: number) =>
    Number(new RegExp(`${name}=(\\d+)`).exec(heard.mediaType)?.[1] ?? otherwise);
  const [rate, channels] = [number('rate', 24000), number('channels', 1)];
  const seconds = heard.bytes.length / (rate * channels * 2);
  if (format === 'pcm') {
    return {
      type: 'asset',
      asset: { mediaType: `audio/pcm;rate=${rate};channels=${channels}`, bytes: heard.bytes },
      seconds,
    };
  }
  return { type: 'asset', asset: { mediaType: 'audio/wav', bytes: wrapPcm(heard.bytes, rate, channels) }, seconds };
}

/**
 * Transcription by Gemini: the audio and an instruction, or the transcription models' own config, which alone gives times and speakers.
 * @see https://ai.google.dev/gemini-api/docs/audio
 */
export const googleTranscription: Pick<MediaPort<'transcription'>, 'submit'> = {
  submit: (request, call) =>
    runMedia(call, 'transcription', async (client) => {
      const specialist = isSpecialist(call.model);
      const format = request.format ?? 'json';
      const formats = specialist ? ['json', 'text', 'srt', 'vtt', 'verbose_json', 'diarized_json'] : ['json', 'text'];
      if (!formats.includes(format)) throw refuse('format', `${call.model} cannot answer as "${format}".`, formats);
      if (request.timestamps && !specialist) throw refuse('timestamps', `${call.model} gives no timestamps.`);
      if (request.translate && specialist) throw refuse('translate', `${call.model} cannot translate.`);
      const audio = await inlinePart(request.audio, 'audio');
      const timed = request.timestamps !== undefined || !['json', 'text'].includes(format);
      const response = await generate(client, call, {
        contents: [{ role: 'user', parts: specialist ? [audio] : [audio, { text: instruction(request) }] }],
        config: present({
          temperature: request.temperature,
          seed: request.seed,
          audioTranscriptionConfig: specialist
            ? present({
                languageCodes: request.language ? [request.language] : undefined,
                wordTimestamp: timed || undefined,
                diarization: request.diarize || format === 'diarized_json' || undefined,
              })
            : undefined,
        }) as JsonObject,
        params: request.params,
      });
      const read = readTranscript(response);
      if (read.text === '')
        return failed(call, 'transcription', nothingMade(response, 'transcript'), response.usageMetadata);
      if (timed && read.cues.length === 0) {
        return failed(call, 'transcription', nothingMade(response, 'timestamps'), response.usageMetadata);
      }
      const text = format === 'srt' ? writeSrt(read.cues) : format === 'vtt' ? writeVtt(read.cues) : read.text;
      const usage = usageOf(call, 'transcription', response.usageMetadata);
      const warnings = dropped('google', {
        user: request.user,
        prompt: specialist ? request.prompt : undefined,
        diarize: specialist ? undefined : request.diarize || undefined,
      });
      return completed([{ type: 'text', text, annotations: [read.transcript] }], usage, warnings);
    }),
};

function instruction(request: TranscriptionRequest): string {
  const what = request.translate
    ? 'Translate the speech of this audio into English.'
    : 'Transcribe the speech of this audio word for word, in its own language.';
  const language = request.language ? ` The language is ${request.language}.` : '';
  const prompt = request.prompt ? ` Context: ${request.prompt}` : '';
  return `${what} Answer with the text alone.${language}${prompt}`;
}

function readTranscript(response: GenerateContentResponse): { text: string; cues: Cue[]; transcript: Json } {
  const parts = answerParts(response);
  const pieces = parts.flatMap((part) => (part.audioTranscription ? [part.audioTranscription] : []));
  const text = (textOf(parts) || pieces.map((piece) => piece.text ?? '').join(' ')).trim();
  const segments = pieces.flatMap((piece) => {
    const words = piece.words ?? [];
    const start = secondsOf(piece.startOffset ?? words[0]?.startOffset);
    const end = secondsOf(piece.endOffset ?? words.at(-1)?.endOffset);
    if (start === undefined || end === undefined) return [];
    return [{ start, end, text: piece.text ?? '', ...(piece.speakerLabel ? { speaker: piece.speakerLabel } : {}) }];
  });
  const words = pieces.flatMap((piece) =>
    (piece.words ?? []).map((word) => ({
      word: word.word ?? '',
      start: secondsOf(word.startOffset) ?? null,
      end: secondsOf(word.endOffset) ?? null,
    })),
  );
  const language = pieces.find((piece) => piece.languageCode)?.languageCode;
  const cues = segments.map((segment) => ({
    start: segment.start,
    end: segment.end,
    text: segment.speaker ? `${segment.speaker}: ${segment.text}` : segment.text,
  }));
  const timing =
    segments.length > 0 ? { duration: Math.max(...segments.map((segment) => segment.end)), segments, words } : {};
  return { text, cues, transcript: { text, ...(language ? { language } : {}), ...timing } as Json };
}

/** "1.5s" in seconds. */
function secondsOf(offset: string | undefined): number | undefined {
  const seconds = Number.parseFloat(offset ?? '');
  return Number.isFinite(seconds) ? seconds : undefined;
}
