import type { ReceiptLine } from '../contract/index.ts';
import type { Row, Sql, SqlValue } from '../runtime/ports.ts';
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

/** Attempts as a segment takes them, by their ids. */
export function readAttempts(sql: Sql, choice: keyof typeof choices, ...values: SqlValue[]): Row[] {
  const rows = sql.all(choices[choice], ...values);
  for (const row of rows) {
    if (row.is_high === 0) continue;
    const high = sql.all(`SELECT ${parts('/').join(', ')} FROM attempt WHERE id = ?`, row.id ?? null)[0];
    row.cost_high = Number(high?.cost);
    row.markup_high = Number(high?.markup);
    row.avoided_high = Number(high?.avoided);
  }
  return rows;
}

type StoredLine = Omit<ReceiptLine, 'amount'> & { amount?: string };

/** Turns attempts into columns, one after another. */
export class SegmentBuilder {
  private readonly names: Names;
  private readonly codes = emptyColumns<CodeColumn>(codeColumns);
  private readonly numbers = emptyColumns<NumberColumn>(numberColumns);
  private rows = 0;

  constructor(names: Names) {
    this.names = names;
  }

  /** @param earlier attempts of the same generation that were added to a segment before this one. */
  add(row: Row, earlier: readonly Row[]): void {
    for (const one of earlier) this.push(one, 1);
    this.push(row, earlier.length > 0 ? 2 : 0);
  }

  finish(): Segment {
    const segment: Segment = { rows: this.rows, codes: {}, numbers: {} };
    for (const column of codeColumns) {
      if (this.codes[column].some((code) => code !== 0)) segment.codes[column] = Uint32Array.from(this.codes[column]);
    }
    for (const column of numberColumns) {
      const values = this.numbers[column];
      if (values.some((value) => value !== 0)) segment.numbers[column] = Float64Array.from(values);
    }
    return segment;
  }

  private push(row: Row, chain: number): void {
    const { codes, numbers, names } = this;
    this.rows++;
    codes.cell.push(names.code('cell', row.cell as string));
    codes.key.push(names.code('key', row.key_id as string));
    codes.project.push(codeOf(names, 'project', row.project));
    codes.user.push(codeOf(names, 'user', row.end_user));
    codes.workflow.push(codeOf(names, 'workflow', row.workflow));
    codes.parent.push(codeOf(names, 'parent', row.parent));
    codes.chain.push(chain);
    numbers.at.push(row.at as number);
    numbers.cost.push(row.cost as number);
    numbers.markup.push(row.markup as number);
    numbers.avoided.push(row.avoided as number);
    numbers.costHigh.push((row.cost_high as number | undefined) ?? 0);
    numbers.markupHigh.push((row.markup_high as number | undefined) ?? 0);
    numbers.avoidedHigh.push((row.avoided_high as number | undefined) ?? 0);
    const tags = row.tags === null ? none : names.tagsOf(row.tags as string);
    codes.tagCount.push(tags.length);
    for (const tag of tags) codes.tag.push(tag);
    const tokens = this.pushLines(row.lines as string | null);
    this.pushUnits(tokens, row.units as string | null);
  }

  /** Returns the tokens of all lines. */
  private pushLines(text: string | null): number {
    const { codes, numbers, names } = this;
    const lines: StoredLine[] = text === null || text === '[]' ? none : JSON.parse(text);
    let tokens = 0;
    for (const line of lines) {
      codes.sku.push(names.skuOf(line));
      numbers.lineQuantity.push(line.quantity);
      if (line.meter.endsWith('_tokens')) tokens += line.quantity;
      const amount = line.amount ?? '0';
      const whole = Number(amount);
      if (whole < highUnit && whole > -highUnit) {
        numbers.lineAmount.push(whole);
        numbers.lineAmountHigh.push(0);
      } else {
        numbers.lineAmount.push(Number(BigInt(amount) % BigInt(highUnit)));
        numbers.lineAmountHigh.push(Number(BigInt(amount) / BigInt(highUnit)));
      }
    }
    codes.lineCount.push(lines.length);
    return tokens;
  }

  private pushUnits(tokens: number, text: string | null): void {
    const { codes, numbers, names } = this;
    let count = 0;
    const push = (name: string, quantity: number) => {
      if (name === '' || !Number.isFinite(quantity)) return;
      codes.unit.push(names.code('unit', name));
      numbers.unitQuantity.push(quantity);
      count++;
    };
    if (tokens > 0) push('tokens', tokens);
    if (text !== null) {
      const units = JSON.parse(text) as Record<string, number>;
      for (const name in units) if (name !== 'tokens' || tokens === 0) push(name, Number(units[name]));
    }
    codes.unitCount.push(count);
  }
}

const none: never[] = [];

function codeOf(names: Names, kind: 'project' | 'user' | 'workflow' | 'parent', value: SqlValue | undefined): number {
  return value === null || value === undefined ? 0 : names.code(kind, value as string);
}

function emptyColumns<Name extends string>(names: readonly Name[]): Record<Name, number[]> {
  return Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
}
