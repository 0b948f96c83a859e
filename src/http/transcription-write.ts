import type { GenerationRecord } from '../books/index.ts';
import { GatewayError, type Json, type JsonObject, numberAt, stringAt } from '../contract/index.ts';
import { transcriptUsage } from './media-usage.ts';
import type { Segment, Transcript } from './transcription-read.ts';

export const transcriptFormats = ['json', 'text', 'srt', 'vtt', 'verbose_json', 'diarized_json'] as const;
export type TranscriptFormat = (typeof transcriptFormats)[number];

/** How a transcript is to be written. `own`: the provider's own words are OpenAI's. */
export type Writing = {
  format: TranscriptFormat;
  granularities: readonly string[];
  translated: boolean;
  own: boolean;
  language?: string;
};

/** The body of an answer, and its content type. Throws invalid_output where times are missing that the format is made of. */
export function writeTranscript(
  transcript: Transcript,
  record: GenerationRecord,
  writing: Writing,
): { body: string; type: string } {
  const { format } = writing;
  const plain = 'text/plain; charset=utf-8';
  const { text, segments, words } = transcript;
  if (format === 'text') return { body: `${text}\n`, type: plain };
  const timed = segments.length > 0 || (format === 'verbose_json' && words.length > 0);
  if (format !== 'json' && text !== '' && !timed) throw untimed(record, format);
  if (format === 'srt') return { body: srtOf(segments), type: plain };
  if (format === 'vtt') return { body: vttOf(segments), type: plain };
  return { body: JSON.stringify(objectOf(transcript, record, writing)), type: 'application/json' };
}

function objectOf(transcript: Transcript, record: GenerationRecord, writing: Writing): JsonObject {
  const { text, segments, words } = transcript;
  const usage = transcriptUsage(record);
  const duration = transcript.duration ?? segments.at(-1)?.end ?? 0;
  const task = writing.translated ? 'translate' : 'transcribe';
  if (writing.format === 'json') return { text, ...asideOf(transcript), ...(usage ? { usage } : {}) };
  if (writing.format === 'diarized_json') {
    return { task, duration, text, segments: spokenSegments(transcript, writing.own), ...(usage ? { usage } : {}) };
  }
  const wants = (kind: string) => writing.granularities.includes(kind);
  const language = writing.translated ? 'english' : (transcript.language ?? writing.language ?? 'unknown');
  return {
    task,
    language,
    duration,
    text,
    ...(wants('word') ? { words: words.map(({ word, start, end }) => ({ word, start, end })) } : {}),
    ...(wants('segment') ? { segments: segments.map(verboseSegment) } : {}),
    ...(usage?.type === 'duration' ? { usage } : {}),
  };
}

/** What some of OpenAI's models tell beside the text. */
export function asideOf({ raw }: Transcript): JsonObject {
  const { logprobs, languages } = raw;
  return {
    ...(Array.isArray(languages) ? { languages } : {}),
    ...(Array.isArray(logprobs) ? { logprobs } : {}),
  };
}

/** Segments as whisper writes them; figures that only whisper has are what says nothing against the text. */
function verboseSegment({ start, end, text, raw }: Segment, index: number): JsonObject {
  const figure = (name: string, otherwise: number) => numberAt(raw, name) ?? otherwise;
  const tokens = Array.isArray(raw.tokens)
    ? raw.tokens.filter((token): token is number => Number.isInteger(token))
    : [];
  return {
    id: index,
    seek: figure('seek', 0),
    start,
    end,
    text: stringAt(raw, 'text') ?? text,
    tokens,
    temperature: figure('temperature', 0),
    avg_logprob: figure('avg_logprob', 0),
    compression_ratio: figure('compression_ratio', 1),
    no_speech_prob: figure('no_speech_prob', 0),
  };
}

/** Segments by speaker. Other providers' names for unknown voices become OpenAI's: A, B, … in the order in which they speak. */
export function spokenSegments({ segments }: Transcript, own: boolean): JsonObject[] {
  const letters = new Map<string, string>();
  const nameOf = (speaker: string | undefined) => {
    if (own && speaker) return speaker;
    const voice = speaker ?? '';
    if (!letters.has(voice)) letters.set(voice, letterOf(letters.size));
    return letters.get(voice)!;
  };
  return segments.map(({ start, end, text, speaker, raw }, index): JsonObject => {
    const id = stringAt(raw, 'id') ?? `seg_${String(index + 1).padStart(3, '0')}`;
    return { type: 'transcript.text.segment', id, start, end, text, speaker: nameOf(speaker) };
  });
}

function letterOf(index: number): string {
  const letter = String.fromCharCode(65 + (index % 26));
  return index < 26 ? letter : `${letterOf(Math.floor(index / 26) - 1)}${letter}`;
}

/** SubRip: numbered cues, decimal comma. */
function srtOf(segments: readonly Segment[]): string {
  return segments.map((one, index) => `${index + 1}\n${cue(one, ',')}`).join('\n');
}

/** WebVTT. */
function vttOf(segments: readonly Segment[]): string {
  return ['WEBVTT\n', ...segments.map((one) => cue(one, '.'))].join('\n');
}

function cue({ start, end, text, speaker }: Segment, mark: string): string {
  return `${clock(start, mark)} --> ${clock(end, mark)}\n${speaker ? `${speaker}: ` : ''}${text}\n`;
}

function clock(seconds: number, mark: string): string {
  const whole = Math.round(seconds * 1000);
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const milliseconds = String(whole % 1000).padStart(3, '0');
  return `${two(whole / 3_600_000)}:${two((whole / 60_000) % 60)}:${two((whole / 1000) % 60)}${mark}${milliseconds}`;
}

function untimed(record: GenerationRecord, format: Json): GatewayError {
  const last = record.attempts.at(-1);
  return new GatewayError('invalid_output', {
    message: `${last?.provider ?? 'The provider'} gave no times, so ${format} cannot be written. The text is kept: GET /v1/generations/${record.id}.`,
    ...(last ? { provider: last.provider } : {}),
    billing: 'unknown',
    facts: { generation: record.id },
  });
}
