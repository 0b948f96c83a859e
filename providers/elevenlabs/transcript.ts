import { isObject, type Json, type JsonObject, numberAt, stringAt } from '../../src/contract/index.ts';
import type { Cue } from '../shared/transcript.ts';

export type Word = { word: string; start: number; end: number; speaker?: string };
export type Transcript = {
  text: string;
  language?: string;
  duration?: number;
  words: Word[];
  segments: (Cue & { speaker?: string })[];
  /** Sounds that are no words, such as "(laughter)". */
  events?: Cue[];
};

/** Seconds and characters after which a segment ends with its word. */
const longest = { seconds: 7, characters: 84 };

/** The vendor's answer in the words of other transcripts; undefined where it holds none. Channels follow one another. */
export function readTranscript(answer: JsonObject): Transcript | undefined {
  const channels = Array.isArray(answer.transcripts) ? answer.transcripts.filter(isObject) : [answer];
  const texts = channels.map((channel) => stringAt(channel, 'text')).filter((text) => text !== undefined);
  if (texts.length === 0) return undefined;
  const timed = channels.flatMap((channel) => (Array.isArray(channel.words) ? channel.words.filter(isObject) : []));
  const words = timed.filter((word) => word.type === 'word').flatMap(readWord);
  const events = timed.filter((word) => word.type === 'audio_event').flatMap(readWord);
  const language = stringAt(channels[0], 'language_code');
  const duration = numberAt(answer, 'audio_duration_secs');
  return {
    text: texts.join('\n'),
    ...(language === undefined ? {} : { language }),
    ...(duration === undefined ? {} : { duration }),
    words,
    segments: segmentsOf(words),
    ...(events.length > 0 ? { events: events.map(({ word, start, end }) => ({ start, end, text: word })) } : {}),
  };
}

function readWord(word: Json): Word[] {
  const start = numberAt(word, 'start');
  const end = numberAt(word, 'end');
  const speaker = stringAt(word, 'speaker_id');
  if (start === undefined || end === undefined) return [];
  return [{ word: stringAt(word, 'text') ?? '', start, end, ...(speaker === undefined ? {} : { speaker }) }];
}

/** Words as lines: a line ends with its sentence, when it grows too long, and when somebody else speaks. */
function segmentsOf(words: readonly Word[]): Transcript['segments'] {
  const segments: Transcript['segments'] = [];
  let open = false;
  for (const { word, start, end, speaker } of words) {
    const last = segments.at(-1);
    const fits =
      last &&
      open &&
      last.speaker === speaker &&
      end - last.start <= longest.seconds &&
      last.text.length + word.length < longest.characters;
    if (fits) {
      last.text += ` ${word}`;
      last.end = end;
    } else segments.push({ start, end, text: word, ...(speaker === undefined ? {} : { speaker }) });
    open = !/[.!?…。！？]["')\]]*$/.test(word);
  }
  return segments;
}
