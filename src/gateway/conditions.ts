import { at, type Condition, isObject, type Json, type JsonObject, type Sticky, stringAt } from '../contract/index.ts';
import { fnv1a } from './digest.ts';

/** What routes may ask about a request. */
export type Facts = {
  characters: number;
  stream: boolean;
  tools: boolean;
  tags?: Record<string, string>;
  /** ISO 639-1, where it is known. */
  language?: string;
};

/** Whether every condition that is named holds. */
export function meets(facts: Facts, condition: Condition | undefined): boolean {
  if (!condition) return true;
  const { tags, minCharacters, maxCharacters, languages, stream, tools } = condition;
  if (minCharacters !== undefined && facts.characters < minCharacters) return false;
  if (maxCharacters !== undefined && facts.characters > maxCharacters) return false;
  if (stream !== undefined && facts.stream !== stream) return false;
  if (tools !== undefined && facts.tools !== tools) return false;
  if (languages && !(facts.language && languages.includes(facts.language))) return false;
  return Object.entries(tags ?? {}).every(([name, value]) => {
    const own = facts.tags?.[name];
    return own !== undefined && (value === '*' || own === value);
  });
}

/** Scripts that one language writes, or that one language is by far the likeliest to write. */
const scripts: [RegExp, string][] = [
  [/\p{Script=Hiragana}|\p{Script=Katakana}/gu, 'ja'],
  [/\p{Script=Hangul}/gu, 'ko'],
  [/\p{Script=Han}/gu, 'zh'],
  [/\p{Script=Cyrillic}/gu, 'ru'],
  [/\p{Script=Arabic}/gu, 'ar'],
  [/\p{Script=Hebrew}/gu, 'he'],
  [/\p{Script=Greek}/gu, 'el'],
  [/\p{Script=Thai}/gu, 'th'],
  [/\p{Script=Devanagari}/gu, 'hi'],
];
/** Characters that are looked at, and the share that a script must have of their letters. */
const looked = 4_000;
const share = 0.2;

/**
 * The language of a text as far as its script tells: languages in Latin letters are not told apart, and not guessed. Japanese is
 * known by its syllables, however many Chinese characters stand beside them.
 */
export function languageOf(text: string): string | undefined {
  const head = text.slice(0, looked);
  const letters = head.match(/\p{L}/gu)?.length ?? 0;
  if (letters === 0) return undefined;
  return scripts.find(([script]) => (head.match(script)?.length ?? 0) >= letters * share)?.[1];
}

/** The words of a request in any dialect, without its keys. */
export function wordsOf(body: Json | undefined): string {
  const told = isObject(body)
    ? (body.messages ?? body.contents ?? body.input ?? body.prompt ?? body.text ?? body)
    : (body ?? '');
  const words: string[] = [];
  let length = 0;
  const read = (value: Json, key?: string): void => {
    if (length > looked) return;
    if (typeof value === 'string') {
      if (key === 'role' || key === 'type') return;
      words.push(value);
      length += value.length;
    } else if (Array.isArray(value)) for (const one of value) read(one, key);
    else if (isObject(value)) for (const [name, one] of Object.entries(value)) read(one, name);
  };
  read(told);
  return words.join('\n');
}

/** What a conversation is known by, or undefined where nothing names it. */
export function conversationOf(
  sticky: Sticky | undefined,
  body: JsonObject,
  header: (name: string) => string | undefined,
): string | undefined {
  if (sticky === undefined) return undefined;
  if (sticky === 'conversation') return firstWords(body);
  if ('header' in sticky) return header(sticky.header);
  return stringAt(body, 'metadata', sticky.metadata);
}

/** The first message of the user, in any dialect, as JSON. */
function firstWords(body: JsonObject): string | undefined {
  const list = body.messages ?? body.contents ?? body.input ?? body.prompt;
  if (!Array.isArray(list)) return list === undefined ? undefined : JSON.stringify(list);
  const first = list.find((item) => !isObject(item) || (at(item, 'role') ?? 'user') === 'user');
  return first === undefined ? undefined : JSON.stringify(first);
}

/** A number from 0 to 1 that is always the same for the same text. */
export function diceOf(text: string): number {
  let hash = fnv1a(text);
  // FNV alone leaves the last letters in the low bits
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
