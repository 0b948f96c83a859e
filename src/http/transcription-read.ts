import type { GenerationRecord } from '../books/index.ts';
import { isObject, type Json, type JsonObject, numberAt, stringAt } from '../contract/index.ts';
import type { Caller, Gateway } from '../gateway/gateway.ts';
import { openStored } from '../gateway/stored.ts';

/** Somebody's words and when they are said, in seconds. `raw` is what the provider says of them. */
export type Segment = { start: number; end: number; text: string; speaker?: string; raw: JsonObject };
export type Word = { word: string; start: number; end: number; speaker?: string };

/** What was heard, whoever heard it. */
export type Transcript = {
  text: string;
  language?: string;
  /** Seconds of the sound, where they are known. */
  duration?: number;
  segments: Segment[];
  words: Word[];
  /** The provider's own transcript, without usage. */
  raw: JsonObject;
};

/** Seconds and characters after which a line made of words ends. */
const longest = { seconds: 7, characters: 84 };

/** The transcript of an ended generation: its text, and the annotations beside it. */
export async function transcriptOf(gateway: Gateway, caller: Caller, record: GenerationRecord): Promise<Transcript> {
  const output = record.outputs.find((one) => stringAt(one, 'type') === 'text') ?? null;
  const notes = (await notesOf(gateway, caller, output)).filter(isObject);
  const whole = notes.find(
    (note) => Array.isArray(note.segments) || Array.isArray(note.words) || timeOf(note) === undefined,
  );
  const loose = notes.filter((note) => note !== whole);
  const lists = [whole?.words, whole?.segments, whole?.chunks, loose].map(objectsOf);
  const [words = [], segments = [], chunks = [], others = []] = lists;
  const found = [...words, ...(isWords(others) ? others : [])].flatMap(readWord);
  const timed = [...segments, ...chunks, ...(isWords(others) ? [] : others)].flatMap(readSegment);
  const text = stringAt(whole, 'text') ?? stringAt(output, 'text') ?? '';
  const duration = numberAt(whole, 'duration') ?? record.units?.seconds;
  const language = stringAt(whole, 'language');
  return {
    text: text.trim(),
    ...(language ? { language } : {}),
    ...(duration === undefined ? {} : { duration }),
    segments: timed.length > 0 ? timed : linesOf(found),
    words: found,
    raw: whole ?? {},
  };
}

/** Long annotations lie in the store. */
async function notesOf(gateway: Gateway, caller: Caller, output: Json): Promise<Json[]> {
  const notes = isObject(output) ? output.annotations : undefined;
  if (Array.isArray(notes)) return notes;
  const row = await caller.book.asset(stringAt(output, 'asset') ?? '');
  const stored = row && (await openStored(gateway.assets, row));
  return stored ? ((await new Response(stored.body).json()) as Json[]) : [];
}

function objectsOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** `{start, end}`, or `{timestamp: [start, end]}` as some whispers write it. */
function timeOf(note: JsonObject): { start: number; end: number } | undefined {
  const start = numberAt(note, 'start') ?? numberAt(note, 'timestamp', 0);
  const end = numberAt(note, 'end') ?? numberAt(note, 'timestamp', 1);
  return start === undefined || end === undefined ? undefined : { start, end };
}

function isWords(notes: readonly JsonObject[]): boolean {
  return notes.some((note) => 'word' in note || note.type === 'word');
}

function speakerOf(note: JsonObject): { speaker?: string } {
  const speaker = stringAt(note, 'speaker') ?? stringAt(note, 'speaker_id');
  return speaker ? { speaker } : {};
}

function readWord(note: JsonObject): Word[] {
  const time = timeOf(note);
  const word = stringAt(note, 'word') ?? stringAt(note, 'text');
  // Some tell of spaces and noises, too.
  if (!time || !word || (note.type !== undefined && note.type !== 'word')) return [];
  return [{ word, ...time, ...speakerOf(note) }];
}

function readSegment(note: JsonObject): Segment[] {
  const time = timeOf(note);
  return time ? [{ ...time, text: (stringAt(note, 'text') ?? '').trim(), ...speakerOf(note), raw: note }] : [];
}

/** Words as lines: a line ends with its sentence, when it grows too long, and when somebody else speaks. */
function linesOf(words: readonly Word[]): Segment[] {
  const lines: Segment[] = [];
  let open = false;
  for (const { word, start, end, speaker } of words) {
    const last = lines.at(-1);
    const fits = last && open && last.speaker === speaker && end - last.start <= longest.seconds;
    if (fits && last.text.length + word.length < longest.characters) {
      last.text += ` ${word.trim()}`;
      last.end = end;
    } else lines.push({ start, end, text: word.trim(), ...(speaker ? { speaker } : {}), raw: {} });
    open = !/[.!?…。！？]["')\]]*$/.test(word.trim());
  }
  return lines;
}
