import { at, isObject, type Model, numberAt, stringAt } from '../contract/index.ts';
import type { Asked } from './quote.ts';
import { sidesOf, wordOf } from './quote-words.ts';

type Row = { size?: string; quality?: string; tokens: number };
type Tokens = { min: number; expected: number; max: number; assumptions: string[] };

/**
 * Output tokens of one image by the model's published table (`capabilities.output_tokens`). What is not asked for ranges over the table;
 * the usual case is medium quality, or the first row. A size that the table lacks is scaled by its area.
 */
export function imageTokens(model: Model, asked: Pick<Asked, 'size' | 'quality'>): Tokens | undefined {
  const table = tableOf(model);
  if (table.length === 0) return undefined;
  const assumptions: string[] = [];
  const quality = wordOf(asked.quality);
  const qualities = table.some((row) => row.quality !== undefined);
  let rows = table;
  if (qualities && quality !== undefined) {
    rows = table.filter((row) => row.quality === quality);
    if (rows.length === 0) return undefined;
  } else if (qualities) assumptions.push('the quality is not asked for: any');
  const size = wordOf(asked.size);
  if (size === undefined) {
    if (new Set(rows.map((row) => row.size)).size > 1) assumptions.push('the size is not asked for: any');
    return rangeOf(rows, assumptions);
  }
  const named = rows.filter((row) => row.size?.toLowerCase() === size);
  if (named.length > 0) return rangeOf(named, assumptions);
  const area = areaOf(size);
  const scaled = rows.flatMap((row) => {
    const own = areaOf(row.size);
    return area && own === 1_048_576 ? [{ ...row, tokens: Math.ceil((row.tokens * area) / own) }] : [];
  });
  if (scaled.length === 0) return rangeOf(rows, [...assumptions, `the table has no size ${size}: any`]);
  const range = rangeOf(scaled, [...assumptions, 'the tokens of this size are scaled by its area']);
  // What is scaled may be off by a tile in each direction.
  return { ...range, min: Math.floor(range.min * 0.9), max: Math.ceil(range.max * 1.25) };
}

function areaOf(size: string | undefined): number | undefined {
  const sides = sidesOf(size);
  return sides && sides[0] * sides[1];
}

function rangeOf(rows: Row[], assumptions: string[]): Tokens {
  const all = rows.map((row) => row.tokens);
  const usual = rows.find((row) => row.quality === 'medium') ?? rows[0];
  return { min: Math.min(...all), expected: usual?.tokens ?? Math.max(...all), max: Math.max(...all), assumptions };
}

function tableOf(model: Model): Row[] {
  const table = at(model.capabilities, 'output_tokens');
  if (!Array.isArray(table)) return [];
  return table.flatMap((row) => {
    const tokens = numberAt(row, 'tokens');
    if (!isObject(row) || tokens === undefined) return [];
    const [size, quality] = [stringAt(row, 'size'), stringAt(row, 'quality')];
    return [{ tokens, ...(size ? { size } : {}), ...(quality ? { quality } : {}) }];
  });
}
