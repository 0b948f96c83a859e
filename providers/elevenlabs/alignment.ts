import { at, type Call, isObject, type Json, type JsonObject, joinBytes } from '../../src/contract/index.ts';
import { decodeBase64 } from '../shared/bytes.ts';
import { broken, soundPart } from './deliver.ts';
import { garbage, objectOf } from './send.ts';

/** When each character is said, in seconds from the beginning. `segments`: who speaks when, as the vendor writes it. */
export type Alignment = { characters: string[]; starts: number[]; ends: number[]; segments?: Json[] };

/** The times of an answer: those of the text as it was sent, else as it was read out. */
export function readAlignment(answer: JsonObject): Alignment {
  const found = [answer.alignment, answer.normalized_alignment].find(isObject);
  const list = (name: string) => {
    const values = at(found, name);
    return Array.isArray(values) ? values : [];
  };
  const segments = answer.voice_segments;
  return {
    characters: list('characters').map(String),
    starts: list('character_start_times_seconds').map(Number),
    ends: list('character_end_times_seconds').map(Number),
    ...(Array.isArray(segments) ? { segments } : {}),
  };
}

/** The timed stream: JSON objects, one a line, each with a piece of the sound and the times of its characters. */
export async function readTimedChunks(
  response: Response,
  call: Call,
  mediaType: string,
): Promise<{ bytes: Uint8Array; alignment: Alignment }> {
  const chunks: Uint8Array[] = [];
  const whole: Alignment = { characters: [], starts: [], ends: [] };
  try {
    for await (const line of linesOf(response)) {
      const piece = objectOf(line);
      if (typeof piece.audio_base64 === 'string' && piece.audio_base64 !== '') {
        const bytes = decodeBase64(piece.audio_base64);
        chunks.push(bytes);
        call.progress?.({ partial: soundPart(bytes, mediaType), index: chunks.length - 1 });
      }
      append(whole, readAlignment(piece));
    }
  } catch (thrown) {
    throw broken(thrown, call, chunks.length > 0);
  }
  if (chunks.length === 0) throw garbage('without any sound');
  return { bytes: joinBytes(chunks), alignment: whole };
}

/** Times count from the beginning of the sound; a piece whose times begin before the last one's end counts from its own. */
function append(whole: Alignment, piece: Alignment): void {
  const last = whole.ends.at(-1) ?? 0;
  const offset = (piece.starts[0] ?? last) < last - 0.001 ? last : 0;
  whole.characters.push(...piece.characters);
  whole.starts.push(...piece.starts.map((time) => time + offset));
  whole.ends.push(...piece.ends.map((time) => time + offset));
  if (piece.segments) whole.segments = [...(whole.segments ?? []), ...piece.segments];
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let kept = '';
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    kept += decoder.decode(chunk, { stream: true });
    const lines = kept.split('\n');
    kept = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') yield line;
  }
  kept += decoder.decode();
  if (kept.trim() !== '') yield kept;
}
