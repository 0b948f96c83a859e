import { at, type Json, numberAt, type Observed, stringAt } from '../../src/contract/index.ts';

const tierNames = ['service_tier', 'serviceTier', 'execution_mode', 'mode', 'tier'];
const tiers = new Set(['batch', 'flex', 'priority', 'fast', 'scale', 'ultrafast']);

/** The service tier: `batch` for batch endpoints and jobs, whose answers call it the default one; else as served, else as asked. */
export function tierOf({ response, usage, request, endpoint }: Observed): string | undefined {
  if (at(request, 'batch') === true || /\bbatch(es)?\b/.test(endpoint)) return 'batch';
  const served =
    stringAt(response, 'service_tier') ?? stringAt(usage, 'service_tier') ?? stringAt(usage, 'serviceTier');
  if (served !== undefined) return served;
  if (request === undefined) return undefined;
  return tierNames.map((name) => stringAt(request, name)).find((word) => word && tiers.has(word.toLowerCase()));
}

/** A number that may be written as text ("8"), or undefined. */
export function figureAt(value: Json | undefined, ...path: string[]): number | undefined {
  const found = at(value, ...path);
  if (typeof found === 'string' && /^\d+(\.\d+)?$/.test(found.trim())) return Number(found);
  return numberAt(value, ...path);
}

/** A number that stands alone in a header, however its name is written. @param name in small letters. */
export function headerFigure(headers: Observed['headers'], name: string): number | undefined {
  const key = Object.keys(headers ?? {}).find((each) => each.toLowerCase() === name);
  const text = key === undefined ? undefined : headers?.[key]?.trim();
  return text !== undefined && /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

/** The first of several names that holds a number. */
export function firstFigure(value: Json | undefined, ...names: string[]): number | undefined {
  for (const name of names) {
    const found = figureAt(value, ...name.split('.'));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The first of several names that holds a word, or a yes or no as one. */
export function firstWord(value: Json | undefined, ...names: string[]): string | undefined {
  for (const name of names) {
    const found = at(value, ...name.split('.'));
    if (typeof found === 'string' && found !== '') return found;
    if (typeof found === 'boolean' || typeof found === 'number') return String(found);
  }
  return undefined;
}

/** How many letters a person sees as characters: code points. */
export function charactersOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : [...text].length;
}

/** Entries of the first list found under these names, or a count that stands there instead. */
export function countAt(value: Json | undefined, ...names: string[]): number | undefined {
  for (const name of names) {
    const found = at(value, ...name.split('.'));
    if (Array.isArray(found)) return found.length;
    if (typeof found === 'number' && Number.isFinite(found)) return found;
  }
  return undefined;
}
