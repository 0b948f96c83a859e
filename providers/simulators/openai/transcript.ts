import type { JsonObject } from '../../../src/contract/index.ts';
import { countTokens } from '../text.ts';

export type Line = {
  id: number;
  seek: number;
  start: number;
  end: number;
  text: string;
  tokens: number[];
  temperature: number;
  avg_logprob: number;
  compression_ratio: number;
  no_speech_prob: number;
};

/** Sentences with times in proportion to their length, as whisper's segments. */
export function lines(text: string, seconds: number): Line[] {
  return spread(sentences(text), seconds).map(({ piece, start, end }, id) => ({
    id,
    seek: 0,
    start,
    end,
    text: ` ${piece}`,
    tokens: Array.from({ length: countTokens(piece) }, (_, index) => 50_364 + index),
    temperature: 0,
    avg_logprob: -0.25,
    compression_ratio: 1.25,
    no_speech_prob: 0.01,
  }));
}

export function words(text: string, seconds: number): { word: string; start: number; end: number }[] {
  return spread(text.match(/\S+/g) ?? [], seconds).map(({ piece, start, end }) => ({ word: piece, start, end }));
}

/** The simulators' voices are one speaker: A. */
export function segments(text: string, seconds: number, id: string): JsonObject[] {
  return spread(sentences(text), seconds).map(({ piece, start, end }, index) => ({
    type: 'transcript.text.segment',
    id: `${id}_${index}`,
    start,
    end,
    text: piece,
    speaker: 'A',
  }));
}

export function renderSubtitles(list: Line[], format: 'srt' | 'vtt'): string {
  const mark = format === 'srt' ? ',' : '.';
  const cues = list.map((line, index) => {
    const number = format === 'srt' ? `${index + 1}\n` : '';
    return `${number}${stamp(line.start, mark)} --> ${stamp(line.end, mark)}\n${line.text.trim()}\n`;
  });
  return `${format === 'vtt' ? 'WEBVTT\n\n' : ''}${cues.join('\n')}\n`;
}

function stamp(seconds: number, mark: string): string {
  const millis = Math.round(seconds * 1000);
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const rest = String(millis % 1000).padStart(3, '0');
  return `${two(millis / 3_600_000)}:${two((millis / 60_000) % 60)}:${two((millis / 1000) % 60)}${mark}${rest}`;
}

function sentences(text: string): string[] {
  return (text.match(/[^.!?]+[.!?]*/g) ?? [text]).map((sentence) => sentence.trim()).filter(Boolean);
}

function spread(list: string[], seconds: number): { piece: string; start: number; end: number }[] {
  const whole = list.reduce((sum, piece) => sum + piece.length, 0) || 1;
  let passed = 0;
  const time = () => Math.round((passed / whole) * seconds * 100) / 100;
  return list.map((piece) => {
    const start = time();
    passed += piece.length;
    return { piece, start, end: time() };
  });
}
