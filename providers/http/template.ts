import { isObject, type Json, type JsonObject } from '../../src/contract/index.ts';

/** What a place can hold: JSON, or a file in a multipart form. */
export type Value = Json | File;
/** The value of a place by its name; undefined where there is none. */
export type Lookup = (place: string) => Value | undefined;

/** One alternative of a place: taken where `when` (if named) and the place itself are there. */
type Alternative = { when?: string } & ({ place: string } | { literal: Json });
type Piece = { text: string } | { alternatives: Alternative[] } | { optional: Piece[] };

/** The key of an object template under which another object is spread: `"...": "{{params}}"`. */
export const spreadKey = '...';

const parsed = new Map<string, Piece[]>();

/**
 * Reads a template. In a place, alternatives are divided by `|`; each is the name of a place, a number, true, false, or a text in
 * single quotes, and may have a condition before it: `lyrics?'user'` counts only where there are lyrics.
 */
function parse(template: string): Piece[] {
  if (!template.includes('{{')) return [{ text: template }];
  const known = parsed.get(template);
  if (known) return known;
  const pieces: Piece[] = [];
  let rest = template;
  while (rest !== '') {
    const found = /\{\{(.*?)\}\}|\[\[((?:(?!\]\]).)*?\{\{.*?\}\}.*?)\]\]/s.exec(rest);
    if (!found) {
      pieces.push({ text: rest });
      break;
    }
    if (found.index > 0) pieces.push({ text: rest.slice(0, found.index) });
    const [whole, place, optional] = found;
    if (place !== undefined) pieces.push({ alternatives: alternativesOf(place) });
    else pieces.push({ optional: parse(optional ?? '') });
    rest = rest.slice(found.index + whole.length);
  }
  parsed.set(template, pieces);
  return pieces;
}

function alternativesOf(text: string): Alternative[] {
  return (text.match(/(?:'[^']*'|[^|'])+/g) ?? ['']).map((part) => {
    const [, when, rest = ''] = /^\s*(?:([\w.-]+)\?)?\s*(.*?)\s*$/s.exec(part) ?? [];
    return { ...(when === undefined ? {} : { when }), ...literalOf(rest) };
  });
}

function literalOf(text: string): { place: string } | { literal: Json } {
  const quoted = /^'([^']*)'$/.exec(text);
  if (quoted) return { literal: quoted[1] ?? '' };
  return /^(-?\d+(\.\d+)?|true|false)$/.test(text) ? { literal: JSON.parse(text) as Json } : { place: text };
}

/** The names of all places in a template of any shape, conditions included. `params` alone is the spread. */
export function placesIn(template: Json | undefined): string[] {
  if (typeof template === 'string') return parse(template).flatMap(placesOfPiece);
  if (Array.isArray(template)) return template.flatMap(placesIn);
  return isObject(template) ? Object.values(template).flatMap(placesIn) : [];
}

function placesOfPiece(piece: Piece): string[] {
  if ('text' in piece) return [];
  if ('optional' in piece) return piece.optional.flatMap(placesOfPiece);
  return piece.alternatives.flatMap((one) => [...(one.when ? [one.when] : []), ...('place' in one ? [one.place] : [])]);
}

/** True for text that is one place and nothing else. */
export function isWholePlace(template: string): boolean {
  const [only, ...others] = parse(template);
  return others.length === 0 && only !== undefined && 'alternatives' in only;
}

/** Fills a text. @param encode applied to what comes into the text, not to the text of the template. */
export function fillText(
  template: string,
  lookup: Lookup,
  encode: (text: string) => string = String,
): string | undefined {
  return join(parse(template), lookup, encode);
}

/** Fills any template: undefined where its place is absent, and for an object or list of which nothing is left. */
export function fill(template: Json, lookup: Lookup): Value | undefined {
  if (typeof template === 'string') {
    const pieces = parse(template);
    const [only] = pieces;
    return pieces.length === 1 && only && 'alternatives' in only
      ? choose(only.alternatives, lookup)
      : join(pieces, lookup, String);
  }
  if (Array.isArray(template)) {
    const items = template.map((one) => fill(one, lookup)).filter((one) => one !== undefined);
    return items.length === 0 && template.length > 0 ? undefined : (items as Json[]);
  }
  if (!isObject(template)) return template;
  const filled: JsonObject = {};
  for (const [name, child] of Object.entries(template)) {
    const value = fill(child, lookup);
    if (value === undefined) continue;
    if (name === spreadKey) Object.assign(filled, value);
    else filled[name] = value as Json;
  }
  return Object.keys(filled).length === 0 && Object.keys(template).length > 0 ? undefined : filled;
}

function join(pieces: Piece[], lookup: Lookup, encode: (text: string) => string): string | undefined {
  let text = '';
  for (const piece of pieces) {
    if ('text' in piece) text += piece.text;
    else if ('optional' in piece) text += join(piece.optional, lookup, encode) ?? '';
    else {
      const value = choose(piece.alternatives, lookup);
      if (value === undefined || value === null || value instanceof File) return undefined;
      text += encode(typeof value === 'object' ? JSON.stringify(value) : String(value));
    }
  }
  return text;
}

function choose(alternatives: Alternative[], lookup: Lookup): Value | undefined {
  for (const one of alternatives) {
    if (one.when !== undefined) {
      const condition = lookup(one.when);
      if (condition === undefined || condition === false || condition === null) continue;
    }
    const value = 'place' in one ? lookup(one.place) : one.literal;
    if (value !== undefined) return value;
  }
  return undefined;
}
