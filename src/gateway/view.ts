import type { AttemptRecord, BookClient, GenerationRecord } from '../books/index.ts';
import type { Json, JsonObject, Receipt, ReceiptLine } from '../contract/index.ts';
import { isObject, stringAt } from '../contract/index.ts';
import { writeUsd } from '../meter/money.ts';
import { writeReceipt } from '../meter/receipt.ts';
import { gravest } from './grave.ts';
import { signerOf } from './sign.ts';

/** Milliseconds a link to an output works. */
const linkLife = 3_600_000;
const linkStep = 600_000;

/** A generation as callers see it: outputs with fresh links, and one receipt over all its attempts. */
export async function viewGeneration(
  record: GenerationRecord,
  book: BookClient,
  origin: string,
  now: number,
): Promise<JsonObject> {
  const outputs: Json[] = [];
  const last = record.attempts.at(-1);
  const attribution = record.attempts[0]?.attribution;
  for (const output of record.outputs) outputs.push(await viewOutput(output, book, origin, now));
  return {
    id: record.id,
    object: 'generation',
    modality: record.modality,
    model: last ? `${last.provider}/${last.model}` : record.model,
    requested_model: record.model,
    status: record.status,
    outputs,
    receipt: showReceipt(record.attempts),
    attempts: record.attempts.map(viewAttempt),
    warnings: record.warnings,
    degradations: record.degradations,
    ...(record.status === 'queued' || record.status === 'in_progress' ? { progress: record.fraction ?? null } : {}),
    tags: attribution?.tags ?? {},
    ...(attribution?.project ? { project: attribution.project } : {}),
    ...(attribution?.workflow ? { workflow: attribution.workflow } : {}),
    ...(attribution?.parent ? { parent: attribution.parent } : {}),
    ...(record.error ? { error: withoutMove(record.error) } : {}),
    simulated: record.simulated,
    created_at: Math.floor(record.at / 1000),
    completed_at: record.completedAt === undefined ? null : Math.floor(record.completedAt / 1000),
  };
}

function withoutMove({ moved_on: _, ...error }: JsonObject): JsonObject {
  return error;
}

async function viewOutput(output: Json, book: BookClient, origin: string, now: number): Promise<Json> {
  const asset = stringAt(output, 'asset');
  if (!asset || !isObject(output)) return output;
  const { type, asset: _, ...rest } = output;
  // Rounded up, so that answers of the same moment are equal.
  const expires = Math.ceil((now + linkLife) / linkStep) * linkStep;
  const path = await signerOf(book).sign(asset, expires);
  return { type: type ?? null, url: `${origin}${path}`, expires_at: Math.floor(expires / 1000), ...rest };
}

function showReceipt(attempts: AttemptRecord[]): JsonObject | null {
  const receipt = receiptOf(attempts);
  return receipt ? writeReceipt(receipt, attempts.length) : null;
}

/** One receipt over all attempts; undefined while one of them is under way. */
export function receiptOf(attempts: AttemptRecord[]): Receipt | undefined {
  const receipts = attempts.flatMap((attempt) => (attempt.receipt ? [attempt.receipt] : []));
  const last = receipts.at(-1);
  if (!last || receipts.length < attempts.length) return undefined;
  const known = receipts.filter((receipt) => receipt.total !== undefined);
  const lines: ReceiptLine[] = receipts.flatMap((receipt) => receipt.lines);
  return {
    lines,
    total: known.length > 0 ? known.reduce((sum, receipt) => sum + receipt.total!, 0n) : undefined,
    status: gravest(receipts.map((receipt) => receipt.status)),
    basis: receipts.length > 1 ? 'sum_of_attempts' : last.basis,
    catalogue: last.catalogue,
  };
}

/** One bar of the waterfall: what was tried, how it ended, what it cost and why the generation went on elsewhere. */
function viewAttempt(attempt: AttemptRecord): JsonObject {
  const { moved_on, ...error } = attempt.error ?? {};
  return {
    id: attempt.id,
    provider: attempt.provider,
    model: attempt.model,
    state: attempt.state,
    outcome: attempt.outcome ?? null,
    failure: error.failure ?? null,
    started_at: attempt.at / 1000,
    latency_ms: attempt.endedAt === undefined ? null : attempt.endedAt - attempt.at,
    billed: attempt.receipt ? attempt.receipt.status !== 'not_billable' : null,
    cost_status: attempt.receipt?.status ?? null,
    cost_usd: attempt.receipt?.total === undefined ? null : writeUsd(attempt.receipt.total),
    charge_usd: attempt.charge === undefined ? null : writeUsd(attempt.charge),
    ...(attempt.avoided === undefined ? {} : { avoided_usd: writeUsd(attempt.avoided) }),
    ...(attempt.error ? { error } : {}),
    ...(moved_on === undefined ? {} : { moved_on }),
  };
}
