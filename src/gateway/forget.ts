import type { GenerationRecord } from '../books/index.ts';
import { stringAt } from '../contract/index.ts';
import type { Caller, Gateway } from './gateway.ts';

/**
 * Forgets what a generation was asked and what came out; what it cost stays in the ledger. The bytes go first: if this ends half-way,
 * the same request again does the rest.
 */
export async function forgetGeneration(
  gateway: Gateway,
  caller: Pick<Caller, 'book'>,
  record: Pick<GenerationRecord, 'id' | 'outputs'>,
): Promise<void> {
  for (const output of record.outputs) {
    const asset = stringAt(output, 'asset');
    if (asset) await gateway.assets.remove(asset);
  }
  await caller.book.removeGeneration(record.id);
}
