import type { ReceiptLine } from '../contract/index.ts';
import type { Row, Sql, SqlValue } from '../runtime/ports.ts';
import { type CodeColumn, codeColumns, type NumberColumn, numberColumns, type Segment } from './rollup-columns.ts';
import type { Names } from './rollup-names.ts';

/** 2^52: amounts are kept as what is below it and multiples of it, each exact in a double. */
export const highUnit = 4_503_599_627_370_496;

const halves = (amount: string, name: string) =>
  `(${amount}) / ${highUnit} AS ${name}_high, (${amount}) % ${highUnit} AS ${name}`;

const fields = `id, generation_id, key_id, project, modality, provider, model, simulated, state, outcome, cost_status, cost_basis,
  catalogue, at, end_user, workflow, parent, tags, lines, units,
  ${halves('COALESCE(cost_pico, 0)', 'cost')}, ${halves('COALESCE(charge_pico, 0) - COALESCE(cost_pico, 0)', 'markup')},
  ${halves('COALESCE(avoided_pico, 0)', 'avoided')}`;

/** Attempts as a segment takes them. @param where conditions, order and limit. */
export function attemptsWhere(sql: Sql, where: string, ...values: SqlValue[]): Row[] {
  return sql.all(`SELECT ${fields} FROM attempt WHERE ${where}`, ...values);
}

/** Turns attempts into columns, one after another. */
export class SegmentBuilder {
  private readonly names: Names;
  private readonly codes = Object.fromEntries(codeColumns.map((column) => [column, [] as number[]])) as Record<
    CodeColumn,
    number[]
  >;
  private readonly numbers = Object.fromEntries(numberColumns.map((column) => [column, [] as number[]])) as Record<
    NumberColumn,
    number[]
  >;
  private readonly cells = new Map<string, number>();
  private readonly skus = new Map<string, number>();
  private readonly tags = new Map<string, number[]>();
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
    codes.cell.push(this.cellOf(row));
    codes.key.push(names.code('key', String(row.key_id)));
    codes.project.push(names.code('project', textOf(row.project)));
    codes.user.push(names.code('user', textOf(row.end_user)));
    codes.workflow.push(names.code('workflow', textOf(row.workflow)));
    codes.parent.push(names.code('parent', textOf(row.parent)));
    codes.chain.push(chain);
    numbers.at.push(Number(row.at));
    numbers.cost.push(Number(row.cost));
    numbers.costHigh.push(Number(row.cost_high));
    numbers.markup.push(Number(row.markup));
    numbers.markupHigh.push(Number(row.markup_high));
    numbers.avoided.push(Number(row.avoided));
    numbers.avoidedHigh.push(Number(row.avoided_high));
    const tags = this.tagsOf(textOf(row.tags));
    codes.tagCount.push(tags.length);
    for (const tag of tags) codes.tag.push(tag);
    const tokens = this.pushLines(textOf(row.lines));
    this.pushUnits(tokens, textOf(row.units));
  }

  /** Returns the tokens of all lines. */
  private pushLines(text: string): number {
    const { codes, numbers } = this;
    const lines = text === '' ? [] : (JSON.parse(text) as (Omit<ReceiptLine, 'amount'> & { amount?: string })[]);
    let tokens = 0;
    for (const line of lines) {
      codes.sku.push(this.skuOf(line));
      numbers.lineQuantity.push(line.quantity);
      if (line.meter.endsWith('_tokens')) tokens += line.quantity;
      const amount = line.amount ?? '0';
      if (amount.length <= 15) {
        numbers.lineAmount.push(Number(amount));
        numbers.lineAmountHigh.push(0);
      } else {
        const whole = BigInt(amount);
        numbers.lineAmount.push(Number(whole % BigInt(highUnit)));
        numbers.lineAmountHigh.push(Number(whole / BigInt(highUnit)));
      }
    }
    codes.lineCount.push(lines.length);
    return tokens;
  }

  private pushUnits(tokens: number, text: string): void {
    const { codes, numbers, names } = this;
    let count = 0;
    const push = (name: string, quantity: number) => {
      if (!Number.isFinite(quantity)) return;
      codes.unit.push(names.code('unit', name));
      numbers.unitQuantity.push(quantity);
      count++;
    };
    if (tokens > 0) push('tokens', tokens);
    if (text !== '') {
      const units = JSON.parse(text) as Record<string, number>;
      for (const name in units) if (name !== '' && !(name === 'tokens' && tokens > 0)) push(name, Number(units[name]));
    }
    codes.unitCount.push(count);
  }

  private cellOf(row: Row): number {
    const { modality, provider, model, simulated, outcome, cost_status, cost_basis, catalogue, state } = row;
    const ended = state === 'dispatched' ? null : outcome;
    const words = [
      modality,
      provider,
      model,
      Number(simulated),
      ended,
      cost_status ?? '',
      cost_basis ?? '',
      catalogue ?? '',
    ];
    const place = words.join('\n');
    let code = this.cells.get(place);
    if (code === undefined) {
      code = this.names.code('cell', JSON.stringify(words));
      this.cells.set(place, code);
    }
    return code;
  }

  private skuOf({ meter, dims, model, price, per, amount }: Omit<ReceiptLine, 'amount'> & { amount?: string }): number {
    const place = `${meter}\n${price}\n${per}\n${amount === undefined}\n${model}\n${dims ? JSON.stringify(dims) : ''}`;
    let code = this.skus.get(place);
    if (code === undefined) {
      const sorted = Object.fromEntries(Object.entries(dims ?? {}).sort(([one], [other]) => (one < other ? -1 : 1)));
      const words = [meter, sorted, model ?? '', price ?? '', per ?? '', amount === undefined ? 0 : 1];
      code = this.names.code('sku', JSON.stringify(words));
      this.skus.set(place, code);
    }
    return code;
  }

  private tagsOf(text: string): number[] {
    if (text === '') return [];
    let codes = this.tags.get(text);
    if (!codes) {
      const tags = JSON.parse(text) as Record<string, string>;
      codes = Object.entries(tags).map(([name, value]) => this.names.code('tag', `${name}=${value}`));
      this.tags.set(text, codes);
    }
    return codes;
  }
}

function textOf(value: SqlValue | undefined): string {
  return value === null || value === undefined ? '' : String(value);
}
