import { meters, type PicoUsd } from '../contract/index.ts';
import { divideHalfEven, parseDecimal, roundedQuantity, writeScaled } from './money.ts';
import type { StatementLine } from './statement.ts';
import { unitOfMeter } from './unit-costs.ts';

/** What our ledger has for a model and a meter. The empty meter is what no line accounts for. */
export type OursLine = { model: string; meter: string; unit: string; quantity: number; costPico: PicoUsd };

export type Side = { quantity: number | undefined; costPico: PicoUsd | undefined };

export type Reconciled = {
  model: string;
  /** Empty where the other side has its costs by model alone. */
  meter: string;
  unit: string;
  side: 'both' | 'ours' | 'theirs';
  ours: Side;
  theirs: Side;
  /** Ours less theirs; percentages of theirs, as decimal strings. */
  drift: {
    quantity?: number;
    quantityPercent?: string;
    costPico?: PicoUsd;
    costPercent?: string;
  };
};

/**
 * Sets a provider's statement against our ledger, by model and meter. A statement that counts by unit (all tokens as one) or gives costs
 * by model alone is set against the sum of what we have by meter; then nothing of ours is set against two of its lines of the same kind.
 * @param ours with models as in the ledger: provider/model.
 */
export function reconcile(ours: readonly OursLine[], theirs: readonly StatementLine[]): Reconciled[] {
  const ourModels = new Set(ours.map((line) => line.model));
  const models = new Map<string, { ours: OursLine[]; theirs: StatementLine[] }>();
  const of = (model: string) => {
    const found = models.get(model) ?? { ours: [], theirs: [] };
    models.set(model, found);
    return found;
  };
  for (const line of ours) of(line.model).ours.push(line);
  for (const line of theirs) of(ourName(line.model, ourModels)).theirs.push(line);
  return [...models.entries()]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([model, lines]) => reconcileModel(model, lines.ours, lines.theirs));
}

function reconcileModel(model: string, ours: OursLine[], theirs: StatementLine[]): Reconciled[] {
  const rows: Reconciled[] = [];
  const sums = new Map<string, StatementLine>();
  for (const line of theirs) {
    const sum = sums.get(line.meter);
    sums.set(
      line.meter,
      sum
        ? { ...line, quantity: plus(sum.quantity, line.quantity), costPico: plus(sum.costPico, line.costPico) }
        : line,
    );
  }
  const left = new Set(ours);
  const isMeter = (name: string) => (meters as readonly string[]).includes(name);
  // The exact ones first: a unit takes what they leave.
  const order = [...sums.values()].sort((one, other) => Number(isMeter(other.meter)) - Number(isMeter(one.meter)));
  for (const line of order) {
    if (line.meter === '') continue;
    const mine = [...left].filter((one) => (isMeter(line.meter) ? one.meter : one.unit) === line.meter);
    for (const one of mine) left.delete(one);
    rows.push(compared(model, line.meter, mine[0]?.unit ?? unitOfMeter(line.meter), mine, line));
  }
  const byModel = sums.get('');
  const named = rows.length > 0;
  // Costs by model alone are the costs of all of it, however its quantities are told apart.
  if (byModel) rows.push(compared(model, '', '', ours, byModel));
  if (!byModel || named) for (const one of left) rows.push(compared(model, one.meter, one.unit, [one], undefined));
  return rows.filter((row) => row.side !== 'ours' || row.meter !== '' || row.ours.costPico !== 0n);
}

function compared(
  model: string,
  meter: string,
  unit: string,
  mine: OursLine[],
  line: StatementLine | undefined,
): Reconciled {
  const sameUnit = mine.length > 0 && mine.every((one) => one.unit === mine[0]?.unit);
  const ours: Side = {
    quantity: sameUnit ? roundedQuantity(mine.reduce((sum, one) => sum + one.quantity, 0)) : undefined,
    costPico: mine.length > 0 ? mine.reduce((sum, one) => sum + one.costPico, 0n) : undefined,
  };
  const theirs: Side = { quantity: line?.quantity, costPico: line?.costPico };
  const drift: Reconciled['drift'] = {};
  if (ours.quantity !== undefined && theirs.quantity !== undefined) {
    drift.quantity = roundedQuantity(ours.quantity - theirs.quantity);
    drift.quantityPercent = percent(scaled(drift.quantity), scaled(theirs.quantity));
  }
  if (ours.costPico !== undefined && theirs.costPico !== undefined) {
    drift.costPico = ours.costPico - theirs.costPico;
    drift.costPercent = percent(drift.costPico, theirs.costPico);
  }
  const side = !line ? 'ours' : mine.length === 0 ? 'theirs' : 'both';
  return { model, meter, unit, side, ours, theirs, drift };
}

/**
 * The name that our ledger has for a statement's model: the same, with its provider before it, or without the date that the provider
 * put behind it.
 */
function ourName(model: string, ours: ReadonlySet<string>): string {
  const named = (text: string) => [...ours].find((one) => one === text || one.slice(one.indexOf('/') + 1) === text);
  const plain = model.replace(/[-@](\d{4}-\d{2}-\d{2}|\d{8})$/, '');
  return named(model) ?? named(plain) ?? model;
}

function plus<Value extends number | bigint>(one: Value | undefined, other: Value | undefined): Value | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return ((one as number) + (other as number)) as Value;
}

/** A share in percent with two decimals; undefined of nothing. */
function percent(part: bigint, whole: bigint): string | undefined {
  if (whole === 0n) return part === 0n ? '0' : undefined;
  const sign = whole < 0n ? -1n : 1n;
  return writeScaled(divideHalfEven(part * sign * 10_000n, whole * sign), 2);
}

function scaled(quantity: number): bigint {
  const { top, bottom } = parseDecimal(String(quantity));
  return divideHalfEven(top * 1_000_000_000n, bottom);
}
