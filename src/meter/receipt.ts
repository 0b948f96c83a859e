import type { JsonObject, Receipt, ReceiptLine } from '../contract/index.ts';
import { writeNumber, writeUsd } from './money.ts';

/** A receipt as callers read it: decimal strings, never floats. `attempts` counts provider calls. */
export function writeReceipt(receipt: Receipt, attempts: number): JsonObject {
  return {
    currency: 'USD',
    total: receipt.total === undefined ? null : writeUsd(receipt.total),
    status: receipt.status,
    basis: receipt.basis,
    catalogue: receipt.catalogue,
    attempts,
    lines: receipt.lines.map(writeLine),
  };
}

export function writeLine(line: ReceiptLine): JsonObject {
  return {
    meter: line.meter,
    quantity: writeNumber(line.quantity),
    ...(line.dims ? { dims: line.dims } : {}),
    ...(line.model ? { model: line.model } : {}),
    price: line.price ?? null,
    per: line.per ?? null,
    amount: line.amount === undefined ? null : writeUsd(line.amount),
  };
}
