import providersFile from '../../../config/providers.json' with { type: 'json' };
import { makerOf } from '../index.ts';
import type { Simulator, SimulatorOptions } from '../simulator.ts';

type Make = (options?: SimulatorOptions) => Simulator;

/** Addresses of a vendor beside that of its API's row in config/providers.json. */
const more: Record<string, string[]> = {
  fal: ['https://fal.run', 'https://rest.fal.ai', 'https://rest.alpha.fal.ai', 'https://v3.fal.media'],
  bfl: ['https://api.eu.bfl.ai', 'https://api.us.bfl.ai'],
  cohere: ['https://api.cohere.com'],
  elevenlabs: ['https://api.us.elevenlabs.io', 'https://api.eu.residency.elevenlabs.io'],
};

/** What makes each provider's simulator. */
export const makers: Record<string, Make> = {};
/** The origins at which each provider is reached. */
export const origins: Record<string, string[]> = {};

const rows = providersFile.providers as (Parameters<typeof makerOf>[0] & { base_url: string })[];

for (const row of rows) {
  const make = makerOf(row);
  if (make) makers[row.id] = make;
  origins[row.id] = [new URL(row.base_url).origin, ...(more[row.id] ?? [])];
}
