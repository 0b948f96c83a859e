import type { ProviderRow } from '../../src/contract/index.ts';
import { anthropic } from './anthropic.ts';
import { bfl } from './bfl.ts';
import { elevenlabs } from './elevenlabs.ts';
import { fal } from './fal.ts';
import { google } from './google.ts';
import { httpSimulators } from './http/index.ts';
import { luma } from './luma.ts';
import { openai } from './openai.ts';
import { openaiCompatible } from './openai-compatible.ts';
import { replicate } from './replicate.ts';
import { runway } from './runway.ts';
import type { Simulator, SimulatorOptions } from './simulator.ts';

/** Simulators of providers with an adapter of their own. */
const own: Record<string, (options?: SimulatorOptions) => Simulator> = {
  openai,
  anthropic,
  google,
  replicate,
  elevenlabs,
  fal,
  bfl,
  runway,
  luma,
};

/** What makes the simulator of a configured provider; undefined where it has none. */
export function makerOf(
  row: Pick<ProviderRow, 'id' | 'adapter' | 'quirks'>,
): ((options?: SimulatorOptions) => Simulator) | undefined {
  const openai = (options?: SimulatorOptions) => openaiCompatible(row.id, row.quirks, options);
  const compatible = row.adapter === 'openai-compatible' ? openai : undefined;
  const make = (row.adapter === 'http' ? httpSimulators[row.id] : own[row.adapter]) ?? compatible;
  const peak = row.quirks?.peak_utc;
  if (!make || !Array.isArray(peak)) return make;
  return (options) => make({ ...options, peakUtc: peak.map(String) });
}

/** A simulator for every configured provider that has one, by provider id. */
export function createSimulators(rows: readonly ProviderRow[], options: SimulatorOptions): Map<string, Simulator> {
  const simulators = new Map<string, Simulator>();
  for (const row of rows) {
    const make = makerOf(row);
    if (make) simulators.set(row.id, make(options));
  }
  return simulators;
}
