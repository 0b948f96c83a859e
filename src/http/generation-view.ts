import type { AttemptRecord, BookClient, GenerationRecord } from '../books/index.ts';
import type { CostStatus, Json, JsonObject, ReceiptLine } from '../contract/index.ts';
import { isObject, stringAt } from '../contract/index.ts';
import { signerOf } from '../gateway/sign.ts';
import { writeReceipt } from '../meter/receipt.ts';

/** Milliseconds a link to an output works. */
const linkLife = 3_600_000;

/** A generation as callers see it: outputs with fresh links, and one receipt over all its attempts. */
export async function viewGeneration(
  record: GenerationRecord,
  book: BookClient,
  origin: string,
  now: number,
): Promise<JsonObject> {
  const outputs: Json[] = [];
  for (const output of record.outputs) outputs.push(await viewOutput(output, book, origin, now));
  return {
    id: record.id,
    object: 'generation',
    modality: record.modality,
    model: record.attempts[0] ? `${record.attempts[0].provider}/${record.attempts[0].model}` : record.model,
    requested_model: record.model,
    status: record.status,
    outputs,
    receipt: receiptOf(record.attempts),
    attempts: record.attempts.map(viewAttempt),
    warnings: record.warnings,
    tags: record.tags ?? {},
    ...(record.error ? { error: record.error } : {}),
    simulated: record.simulated,
    created_at: Math.floor(record.at / 1000),
    completed_at: record.completedAt === undefined ? null : Math.floor(record.completedAt / 1000),
  };
}

async function viewOutput(output: Json, book: BookClient, origin: string, now: number): Promise<Json> {
  const asset = stringAt(output, 'asset');
  if (!asset || !isObject(output)) return output;
  const { type, asset: _, ...rest } = output;
  const expires = now + linkLife;
  const path = await signerOf(book).sign(asset, expires);
  return { type: type ?? null, url: `${origin}${path}`, expires_at: Math.floor(expires / 1000), ...rest };
}

/** Worst first: what a sum is worth when its parts differ. */
const gravest: CostStatus[] = ['unpriced', 'partially_unpriced', 'priced_estimated', 'priced', 'free', 'not_billable'];

function receiptOf(attempts: AttemptRecord[]): JsonObject | null {
  const receipts = attempts.flatMap((attempt) => (attempt.receipt ? [attempt.receipt] : []));
  const last = receipts.at(-1);
  if (!last || receipts.length < attempts.length) return null;
  const known = receipts.filter((receipt) => receipt.total !== undefined);
  const lines: ReceiptLine[] = receipts.flatMap((receipt) => receipt.lines);
  return writeReceipt(
    {
      lines,
      total: known.length > 0 ? known.reduce((sum, receipt) => sum + receipt.total!, 0n) : undefined,
      status: gravest.find((status) => receipts.some((receipt) => receipt.status === status))!,
      basis: last.basis,
      catalogue: last.catalogue,
    },
    attempts.length,
  );
}

function viewAttempt(attempt: AttemptRecord): JsonObject {
  return {
    id: attempt.id,
    provider: attempt.provider,
    model: attempt.model,
    state: attempt.state,
    outcome: attempt.outcome ?? null,
    latency_ms: attempt.endedAt === undefined ? null : attempt.endedAt - attempt.at,
    cost_status: attempt.receipt?.status ?? null,
    ...(attempt.error ? { error: attempt.error } : {}),
  };
}
