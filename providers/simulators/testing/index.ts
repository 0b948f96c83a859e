import { shipped } from '../../../config/files.ts';
import { loadShipped } from '../../../config/load.ts';
import { createSimulators } from '../index.ts';
import { Journal } from '../journal.ts';
import { handlers } from '../msw.ts';
import type { Simulator, SimulatorOptions } from '../simulator.ts';
import { makers, origins } from './vendors.ts';

export { type SimulatorClock, systemClock, VirtualClock } from '../clock.ts';
export { type FaultRow, faultList } from '../faults/list.ts';
export { type Fault, type FaultPlan, parseFault } from '../faults.ts';
export { Journal, type JournalEntry, type JournalFilter } from '../journal.ts';
export { viewEntry } from '../journal-view.ts';
export { handlers } from '../msw.ts';
export { type SimulatorServer, type SimulatorServerOptions, startSimulators } from '../server.ts';
export type { Simulator, SimulatorOptions } from '../simulator.ts';
export * from './matchers.ts';
export * from './network.ts';

/** A simulator that is also the list of its msw handlers: `setupServer(...openai())`. */
export type Simulated = Simulator & ReturnType<typeof handlers>;

/**
 * The simulator of a vendor by its id, with msw handlers for the vendor's own addresses. Every request is in its `journal`.
 * @throws Error where no simulator has this id.
 */
export function simulate(id: string, options: SimulatorOptions = {}): Simulated {
  const make = makers[id];
  if (!make) throw new Error(`There is no simulator called "${id}". There are: ${Object.keys(makers).join(', ')}.`);
  const simulator = make({ journal: true, ...options });
  return Object.assign(handlers(simulator, ...(origins[id] ?? [])), simulator);
}

const vendor =
  (id: string) =>
  (options?: SimulatorOptions): Simulated =>
    simulate(id, options);

export const openai = vendor('openai');
export const anthropic = vendor('anthropic');
export const google = vendor('google');
export const replicate = vendor('replicate');
export const elevenlabs = vendor('elevenlabs');
export const fal = vendor('fal');
export const bfl = vendor('bfl');
export const runway = vendor('runway');
export const luma = vendor('luma');
export const mistral = vendor('mistral');
export const groq = vendor('groq');
export const cohere = vendor('cohere');
export const deepseek = vendor('deepseek');
export const xai = vendor('xai');
export const together = vendor('together');
export const qwen = vendor('qwen');
export const openrouter = vendor('openrouter');
export const suno = vendor('suno');
export const firefly = vendor('firefly');
export const meshy = vendor('meshy');
export const tripo = vendor('tripo');

/**
 * All simulators in this process, by provider id, with the shipped price list: their bills are in dollars. One journal notes them all.
 * Give a client `fetch: (await simulators()).get('openai').fetch`.
 */
export async function simulators(options: SimulatorOptions = {}): Promise<Map<string, Simulator>> {
  const { providers, prices } = await loadShipped(shipped);
  return createSimulators(providers, { prices, journal: new Journal(), ...options });
}
