import type { Receipt, ReceiptLine } from '../contract/index.ts';
import type { Sql, SqlValue } from '../runtime/ports.ts';
import type { NewAttempt } from './attempts.ts';
import { type CodeColumn, codeColumns, type NumberColumn, numberColumns, type Segment } from './rollup-columns.ts';
import type { Names } from './rollup-names.ts';

/** 2^52: amounts are kept as what is below it and multiples of it, each exact in a double. */
export const highUnit = 4_503_599_627_370_496;

const amounts = {
  cost: 'COALESCE(cost_pico, 0)',
  markup: 'COALESCE(charge_pico, 0) - COALESCE(cost_pico, 0)',
  avoided: 'COALESCE(avoided_pico, 0)',
};
const parts = (operator: '/' | '%') =>
  Object.entries(amounts).map(([name, amount]) => `(${amount}) ${operator} ${highUnit} AS ${name}`);

/** Few and long: every column of a row costs its reader. A cell is read by `readCell`. */
const fields = `id, generation_id, state = 'dispatched' AS open, key_id, project, end_user, workflow, parent, tags, lines, units, at,
  modality || char(10) || provider || char(10) || simulated || char(10)
    || CASE state WHEN 'dispatched' THEN '' ELSE COALESCE(outcome, '') END || char(10) || COALESCE(cost_status, '') || char(10)
    || COALESCE(cost_basis, '') || char(10) || COALESCE(catalogue, '') || char(10) || model AS cell,
  ${parts('%').join(', ')}, ${Object.values(amounts)
    .map((amount) => `(${amount}) / ${highUnit} <> 0`)
    .join(' OR ')} AS is_high`;

const choices = {
  /** After an id, so many. */
  after: `SELECT ${fields} FROM attempt WHERE id > ? ORDER BY id LIMIT ?`,
  /** From an id on, before another. */
  between: `SELECT ${fields} FROM attempt WHERE id >= ? AND id < ? ORDER BY id`,
  one: `SELECT ${fields} FROM attempt WHERE id = ?`,
};

/** An attempt as segments take it. Amounts are what is below 2^52, and multiples of it beside. */
export type AttemptRow = {
  id: string;
  generationId: string;
  isOpen: boolean;
  /** Read by `readCell`. */
  cell: string;
  keyId: string;
  project: string | undefined;
  endUser: string | undefined;
  workflow: string | undefined;
  parent: string | undefined;
  /** As JSON. */
  tags: string | undefined;
  lines: readonly AnyLine[] | KeptLines;
  units: Record<string, number> | undefined;
  at: number;
  cost: number;
  markup: number;
  avoided: number;
  costHigh: number;
  markupHigh: number;
  avoidedHigh: number;
};

/** A receipt's line, as it is or as the book keeps it. */
type AnyLine = Omit<ReceiptLine, 'amount'> & { amount?: bigint | string };

/** Lines as numbers, `perLine` each from a place on: their kind, their quantity, and their amount below 2^52 and above. */
export type KeptLines = { count: number; from: number; numbers: Float64Array; kinds: readonly LineKind[] };
/** What many lines have in common. */
export type LineKind = Parameters<Names['skuOf']>[0];
export const perLine = 4;

/** Attempts by their ids, out of the book. */
export function readAttempts(sql: Sql, choice: keyof typeof choices, ...values: SqlValue[]): AttemptRow[] {
  return sql.all(choices[choice], ...values).map((row) => {
    const high =
      row.is_high === 0
        ? undefined
        : sql.all(`SELECT ${parts('/').join(', ')} FROM attempt WHERE id = ?`, row.id ?? null)[0];
    const lines = row.lines as string | null;
    return {
      id: row.id as string,
      generationId: row.generation_id as string,
      isOpen: row.open === 1,
      cell: row.cell as string,
      keyId: row.key_id as string,
      project: textOf(row.project),
      endUser: textOf(row.end_user),
      workflow: textOf(row.workflow),
      parent: textOf(row.parent),
      tags: textOf(row.tags),
      lines: lines === null || lines === '[]' ? none : (JSON.parse(lines) as AnyLine[]),
      units: row.units === null ? undefined : (JSON.parse(row.units as string) as Record<string, number>),
      at: row.at as number,
      cost: row.cost as number,
      markup: row.markup as number,
      avoided: row.avoided as number,
      costHigh: Number(high?.cost ?? 0),
      markupHigh: Number(high?.markup ?? 0),
      avoidedHigh: Number(high?.avoided ?? 0),
    };
  });
}

/** What is the same for many attempts, in one text: as the book's rows are read. */
export function cellOf(
  { modality, provider, model, simulated }: Pick<NewAttempt, 'modality' | 'provider' | 'model' | 'simulated'>,
  outcome: string,
  { status, basis, catalogue }: Receipt,
): string {
  return `${modality}\n${provider}\n${simulated ? 1 : 0}\n${outcome}\n${status}\n${basis}\n${catalogue}\n${model}`;
}

/** @param cost pico-dollars, like the others. */
export function amountsOf(cost: bigint, charge: bigint, avoided: bigint) {
  const markup = charge - cost;
  return {
    ...{ cost: lowOf(cost), markup: lowOf(markup), avoided: lowOf(avoided) },
    ...{ costHigh: highOf(cost), markupHigh: highOf(markup), avoidedHigh: highOf(avoided) },
  };
}

const wideUnit = BigInt(highUnit);
const isNarrow = (amount: bigint) => amount < wideUnit && amount > -wideUnit;
/** What of an amount is below 2^52, and how many times that is in it: each exact in a double. */
export const lowOf = (amount: bigint) => Number(isNarrow(amount) ? amount : amount % wideUnit);
export const highOf = (amount: bigint) => (isNarrow(amount) ? 0 : Number(amount / wideUnit));

/** Turns attempts into columns, one after another. */
export class SegmentBuilder {
  firstAt = Number.POSITIVE_INFINITY;
  lastAt = Number.NEGATIVE_INFINITY;
  private readonly names: Names;
  private readonly codes = emptyColumns<CodeColumn>(codeColumns);
  private readonly numbers = emptyColumns<NumberColumn>(numberColumns);
  private rows = 0;
  /** The codes of kept lines' kinds, by their places: all kept lines of a step have the same list of kinds. */
  private readonly skus: (number | undefined)[] = [];

  constructor(names: Names) {
    this.names = names;
  }

  /** @param earlier attempts of the same generation that were added to a segment before this one. */
  add(row: AttemptRow, earlier: readonly AttemptRow[]): void {
    for (const one of earlier) this.push(one, 1);
    this.push(row, earlier.length > 0 ? 2 : 0);
  }

  finish(): Segment {
    const segment: Segment = { rows: this.rows, codes: {}, numbers: {} };
    for (const column of codeColumns) {
      if (hasAny(this.codes[column])) segment.codes[column] = new Uint32Array(this.codes[column]);
    }
    for (const column of numberColumns) {
      if (hasAny(this.numbers[column])) segment.numbers[column] = new Float64Array(this.numbers[column]);
    }
    return segment;
  }

  private push(row: AttemptRow, chain: number): void {
    const { codes, numbers, names } = this;
    this.rows++;
    if (row.at < this.firstAt) this.firstAt = row.at;
    if (row.at > this.lastAt) this.lastAt = row.at;
    codes.cell.push(names.code('cell', row.cell));
    codes.key.push(names.code('key', row.keyId));
    codes.project.push(names.code('project', row.project));
    codes.user.push(names.code('user', row.endUser));
    codes.workflow.push(names.code('workflow', row.workflow));
    codes.parent.push(names.code('parent', row.parent));
    codes.chain.push(chain);
    numbers.at.push(row.at);
    numbers.cost.push(row.cost);
    numbers.markup.push(row.markup);
    numbers.avoided.push(row.avoided);
    numbers.costHigh.push(row.costHigh);
    numbers.markupHigh.push(row.markupHigh);
    numbers.avoidedHigh.push(row.avoidedHigh);
    const tags = row.tags === undefined ? none : names.tagsOf(row.tags);
    codes.tagCount.push(tags.length);
    for (const tag of tags) codes.tag.push(tag);
    const { lines } = row;
    const tokens = 'kinds' in lines ? this.pushKept(lines) : this.pushLines(lines);
    this.pushUnits(tokens, row.units);
  }

  /** Returns the tokens of all lines. */
  private pushLines(lines: readonly AnyLine[]): number {
    const { codes, numbers, names } = this;
    let tokens = 0;
    for (const line of lines) {
      const { amount = '0' } = line;
      // As JSON has it, where there is no number.
      const quantity = Number.isFinite(line.quantity) ? line.quantity : 0;
      codes.sku.push(names.skuOf(line));
      numbers.lineQuantity.push(quantity);
      if (line.meter.endsWith('_tokens')) tokens += quantity;
      const whole = Number(amount);
      const isWide = whole >= highUnit || whole <= -highUnit;
      numbers.lineAmount.push(isWide ? lowOf(BigInt(amount)) : whole);
      numbers.lineAmountHigh.push(isWide ? highOf(BigInt(amount)) : 0);
    }
    codes.lineCount.push(lines.length);
    return tokens;
  }

  /** The same of lines that are kept as numbers. */
  private pushKept({ count, from, numbers: kept, kinds }: KeptLines): number {
    const { codes, numbers, names } = this;
    let tokens = 0;
    for (let line = 0, at = from; line < count; line++, at += perLine) {
      const place = kept[at]!;
      const kind = kinds[place]!;
      const sku = this.skus[place] ?? names.skuOf(kind);
      this.skus[place] = sku;
      const quantity = Number.isFinite(kept[at + 1]) ? kept[at + 1]! : 0;
      codes.sku.push(sku);
      numbers.lineQuantity.push(quantity);
      if (kind.meter.endsWith('_tokens')) tokens += quantity;
      numbers.lineAmount.push(kept[at + 2]!);
      numbers.lineAmountHigh.push(kept[at + 3]!);
    }
    codes.lineCount.push(count);
    return tokens;
  }

  private pushUnits(tokens: number, units: Record<string, number> | undefined): void {
    const { codes, numbers, names } = this;
    let count = 0;
    const push = (name: string, quantity: number) => {
      if (name === '' || !Number.isFinite(quantity)) return;
      codes.unit.push(names.code('unit', name));
      numbers.unitQuantity.push(quantity);
      count++;
    };
    if (tokens > 0) push('tokens', tokens);
    for (const name in units) if (name !== 'tokens' || tokens === 0) push(name, Number(units[name]));
    codes.unitCount.push(count);
  }
}

const none: never[] = [];

function hasAny(values: readonly number[]): boolean {
  for (const value of values) if (value !== 0) return true;
  return false;
}

function textOf(value: SqlValue | undefined): string | undefined {
  return value === null ? undefined : (value as string);
}

function emptyColumns<Name extends string>(names: readonly Name[]): Record<Name, number[]> {
  return Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
}
