import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Conclusion, NewAttempt, NewGeneration, NewKey } from '../../src/books/index.ts';
import type { Modality, Receipt } from '../../src/contract/index.ts';

export const noon = Date.UTC(2026, 10, 22, 12);

export const keyRow = (id: string, more: Partial<NewKey> = {}): NewKey => ({
  id,
  hash: `hash of ${id}`,
  name: id,
  hint: 'atl_live_main_…abcd',
  scopes: ['generate'],
  at: noon,
  ...more,
});

export type Work = {
  id: string;
  keyId?: string;
  modality?: Modality;
  provider?: string;
  model?: string;
  at?: number;
  simulated?: boolean;
  tags?: Record<string, string>;
};

/** A generation with its one attempt, as the gateway begins it. */
export function begun(work: Work): [NewGeneration, NewAttempt] {
  const {
    id,
    keyId = 'key_a',
    modality = 'text',
    provider = 'house',
    model = 'pen',
    at = noon,
    simulated = false,
  } = work;
  const shared = { keyId, modality, simulated, at };
  return [
    { id, model: `${provider}/${model}`, ...shared },
    { id: `${id}.1`, generationId: id, provider, model, bound: { output_text_tokens: 9 }, tags: work.tags, ...shared },
  ];
}

export function receiptOf(total: bigint | undefined, more: Partial<Receipt> = {}): Receipt {
  return {
    lines: [
      {
        meter: 'output_text_tokens',
        quantity: 1000,
        price: '1',
        per: '1000000',
        ...(total === undefined ? {} : { amount: total }),
      },
    ],
    ...(total === undefined ? {} : { total }),
    status: total === undefined ? 'unpriced' : 'priced',
    basis: 'computed_from_usage',
    catalogue: 'sha256:test',
    ...more,
  };
}

export const ended = (id: string, more: Partial<Conclusion> = {}): Conclusion => ({
  id,
  status: 'completed',
  at: noon + 5,
  ...more,
});

/** A folder that is gone after the test. */
export function temporaryFolder(): { path: string; file: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'atelier-book-'));
  return { path, file: join(path, 'main.sqlite'), remove: () => rmSync(path, { recursive: true, force: true }) };
}
