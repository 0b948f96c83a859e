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
export const own: Record<string, (options?: SimulatorOptions) => Simulator> = {
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

/** A simulator for every configured provider that has one, by provider id. */
export function createSimulators(rows: readonly ProviderRow[], options: SimulatorOptions): Map<string, Simulator> {
  const simulators = new Map<string, Simulator>();
  for (const row of rows) {
    const make = row.adapter === 'http' ? httpSimulators[row.id] : own[row.adapter];
    const peak = row.quirks?.peak_utc;
    const all = Array.isArray(peak) ? { ...options, peakUtc: peak.map(String) } : options;
    if (make) simulators.set(row.id, make(all));
    else if (row.adapter === 'openai-compatible') simulators.set(row.id, openaiCompatible(row.id, row.quirks, all));
  }
  return simulators;
}
