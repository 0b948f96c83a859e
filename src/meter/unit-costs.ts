import type { PicoUsd } from '../contract/index.ts';
import { divideHalfEven, parseDecimal } from './money.ts';

export type UnitCost = { unit: string; quantity: string; costPico: PicoUsd | undefined };

/** How a counted result becomes the unit people compare prices in. */
const units: Record<string, { unit: string; scale: bigint }> = {
  tokens: { unit: '1m_tokens', scale: 1_000_000n },
  images: { unit: 'image', scale: 1n },
  seconds: { unit: 'minute', scale: 60n },
  characters: { unit: '1k_characters', scale: 1_000n },
  songs: { unit: 'song', scale: 1n },
  models: { unit: 'model3d', scale: 1n },
};

/**
 * Cost per unit of what was made: $/image, $/minute, $/1M tokens, $/1k characters. The whole cost is set against each unit, so
 * units are alternatives, not addends. Undefined where nothing was counted.
 */
export function unitCosts(counted: Readonly<Record<string, number>>, cost: PicoUsd): UnitCost[] {
  const rows: UnitCost[] = [];
  for (const [name, quantity] of Object.entries(counted)) {
    const known = units[name];
    if (!known) continue;
    const rounded = Math.round(quantity * 1_000_000) / 1_000_000;
    const { top, bottom } = parseDecimal(String(rounded));
    rows.push({
      unit: known.unit,
      quantity: scaled(rounded, known.scale),
      costPico: top > 0n ? divideHalfEven(cost * known.scale * bottom, top) : undefined,
    });
  }
  return rows;
}

/** The quantity in its unit, six decimals at most. */
function scaled(quantity: number, scale: bigint): string {
  return String(Math.round((quantity / Number(scale)) * 1_000_000) / 1_000_000);
}
