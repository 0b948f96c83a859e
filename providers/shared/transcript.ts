import { at, isObject, type Json, numberAt, stringAt } from '../../src/contract/index.ts';

/** One timed line of a transcript, in seconds. */
export type Cue = { start: number; end: number; text: string };

/** Timed lines out of a provider's `segments`; empty where it gave none. */
export function cuesOf(transcript: Json): Cue[] {
  const segments = at(transcript, 'segments');
  if (!Array.isArray(segments)) return [];
  return segments.filter(isObject).flatMap((segment) => {
    const start = numberAt(segment, 'start');
    const end = numberAt(segment, 'end');
    const speaker = stringAt(segment, 'speaker');
    const text = (stringAt(segment, 'text') ?? '').trim();
    if (start === undefined || end === undefined) return [];
    return [{ start, end, text: speaker ? `${speaker}: ${text}` : text }];
  });
}

/** SubRip: numbered cues, decimal comma. */
export function writeSrt(cues: readonly Cue[]): string {
  return cues
    .map((cue, index) => `${index + 1}\n${clock(cue.start, ',')} --> ${clock(cue.end, ',')}\n${cue.text}\n`)
    .join('\n');
}

/** WebVTT. */
export function writeVtt(cues: readonly Cue[]): string {
  const lines = cues.map((cue) => `${clock(cue.start, '.')} --> ${clock(cue.end, '.')}\n${cue.text}\n`);
  return ['WEBVTT\n', ...lines].join('\n');
}

function clock(seconds: number, mark: string): string {
  const whole = Math.round(seconds * 1000);
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const milliseconds = String(whole % 1000).padStart(3, '0');
  return `${two(whole / 3_600_000)}:${two((whole / 60_000) % 60)}:${two((whole / 1000) % 60)}${mark}${milliseconds}`;
}
