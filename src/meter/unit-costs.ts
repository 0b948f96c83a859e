import type { PicoUsd } from '../contract/index.ts';
import { divideHalfEven, parseDecimal } from './money.ts';

export type UnitCost = {
  unit: string;
  quantity: string;
  costPico: PicoUsd | undefined;
  /** Costs at the median and at 95 of 100, where they are known. */
  p50Pico?: PicoUsd;
  p95Pico?: PicoUsd;
};

/** How a counted result becomes the unit people compare prices in; what people pay for comes first. */
const units: Record<string, { unit: string; scale: bigint }> = {
  images: { unit: 'image', scale: 1n },
  songs: { unit: 'song', scale: 1n },
  models: { unit: 'model3d', scale: 1n },
  seconds: { unit: 'minute', scale: 60n },
  characters: { unit: '1k_characters', scale: 1_000n },
  tokens: { unit: '1m_tokens', scale: 1_000_000n },
  megapixels: { unit: 'megapixel', scale: 1n },
  pages: { unit: '1k_pages', scale: 1_000n },
  requests: { unit: '1k_requests', scale: 1_000n },
  rerank_search_units: { unit: '1k_searches', scale: 1_000n },
  gpu_seconds: { unit: 'gpu_hour', scale: 3_600n },
  provider_units: { unit: 'provider_unit', scale: 1n },
  provider_credits: { unit: '1k_credits', scale: 1_000n },
  tool_web_search_calls: { unit: '1k_web_searches', scale: 1_000n },
  tool_file_search_calls: { unit: '1k_file_searches', scale: 1_000n },
  tool_grounded_prompts: { unit: '1k_grounded_prompts', scale: 1_000n },
  tool_grounding_queries: { unit: '1k_grounding_queries', scale: 1_000n },
  tool_code_runs: { unit: '1k_code_runs', scale: 1_000n },
};
const million = 1_000_000n;

/**
 * Cost per unit of what was made: $/image, $/minute, $/1M tokens, $/1k characters. The whole cost is set against each unit, so
 * units are alternatives, not addends. Undefined where nothing was counted.
 * @param percentiles pico-dollars for a million of what was counted, by its name.
 */
export function unitCosts(
  counted: Readonly<Record<string, number>>,
  cost: PicoUsd,
  percentiles: Readonly<Record<string, { p50: PicoUsd; p95: PicoUsd }>> = {},
): UnitCost[] {
  const rows: UnitCost[] = [];
  for (const [name, quantity] of Object.entries(counted)) {
    const known = units[name];
    if (!known) continue;
    const { unit, scale } = known;
    const rounded = Math.round(quantity * 1_000_000) / 1_000_000;
    const { top, bottom } = parseDecimal(String(rounded));
    const found = percentiles[name];
    rows.push({
      unit,
      quantity: scaled(rounded, scale),
      costPico: top > 0n ? divideHalfEven(cost * scale * bottom, top) : undefined,
      ...(found
        ? { p50Pico: divideHalfEven(found.p50 * scale, million), p95Pico: divideHalfEven(found.p95 * scale, million) }
        : {}),
    });
  }
  return rows;
}

/** What a meter counts, as generations count what they made; what is a unit already stays what it is. */
export function unitOfMeter(meter: string): string {
  if (meter.endsWith('_tokens')) return 'tokens';
  if (meter === 'gpu_seconds') return meter;
  if (meter.endsWith('_seconds')) return 'seconds';
  if (meter.endsWith('_characters')) return 'characters';
  return meter.startsWith('models_3d') ? 'models' : meter;
}

/** The unit that people pay for, of several. */
export function mainUnit(rows: readonly UnitCost[]): UnitCost | undefined {
  const order = Object.values(units).map((known) => known.unit);
  return [...rows].sort((one, other) => order.indexOf(one.unit) - order.indexOf(other.unit))[0];
}

/** The quantity in its unit, six decimals at most. */
function scaled(quantity: number, scale: bigint): string {
  return String(Math.round((quantity / Number(scale)) * 1_000_000) / 1_000_000);
}
