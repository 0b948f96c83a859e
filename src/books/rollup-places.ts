import type { ReceiptLine } from '../contract/index.ts';
import type { NewAttempt, Settlement } from './attempts.ts';
import { type AttemptRow, amountsOf, highOf, type LineKind, lowOf, perLine } from './rollup-rows.ts';

/** Numbers of an attempt before those of its lines, and of each line; attempts of more lines are not kept. */
const head = 8;
const mostLines = 8;
const stride = head + mostLines * perLine;
/** Kinds of lines that are told apart at most, in all. */
const mostKinds = 1_000;

/** A kind of lines and its place among all. Its amount only says whether there is one. */
type Kind = LineKind & { place: number };

/** Settled attempts by place, as numbers and texts that they share with others. */
export class Places {
  private numbers = new Float64Array(64 * stride);
  private readonly cells: string[] = [];
  private readonly keys: string[] = [];
  /** Those of which there is more to say. */
  private readonly attempts: (NewAttempt | undefined)[] = [];
  private readonly free: number[] = [];
  private readonly kinds: Kind[] = [];
  private readonly kindsOf = new Map<string, Kind[]>();

  /** @returns the place; undefined where an attempt has too many lines, or of too many kinds. */
  put(attempt: NewAttempt, { receipt, charge, avoided }: Settlement, cell: string): number | undefined {
    const { lines } = receipt;
    if (lines.length > mostLines) return undefined;
    const place = this.free.pop() ?? this.cells.length;
    if ((place + 1) * stride > this.numbers.length) this.grow();
    const { numbers } = this;
    let at = place * stride + head;
    for (const line of lines) {
      const { quantity, amount } = line;
      const kind = this.kindOf(line);
      if (kind === undefined) {
        this.cells[place] ??= '';
        this.free.push(place);
        return undefined;
      }
      numbers[at++] = kind;
      numbers[at++] = quantity;
      numbers[at++] = amount === undefined ? 0 : lowOf(amount);
      numbers[at++] = amount === undefined ? 0 : highOf(amount);
    }
    const amounts = amountsOf(receipt.total ?? 0n, charge ?? 0n, avoided ?? 0n);
    at = place * stride;
    numbers[at++] = attempt.at;
    numbers[at++] = amounts.cost;
    numbers[at++] = amounts.markup;
    numbers[at++] = amounts.avoided;
    numbers[at++] = amounts.costHigh;
    numbers[at++] = amounts.markupHigh;
    numbers[at++] = amounts.avoidedHigh;
    numbers[at++] = lines.length;
    this.cells[place] = cell;
    this.keys[place] = attempt.keyId;
    this.attempts[place] = isPlain(attempt) ? undefined : attempt;
    return place;
  }

  /** @param id of the attempt that was put there. */
  rowAt(place: number, id: string): AttemptRow {
    const { numbers } = this;
    const attempt = this.attempts[place];
    let at = place * stride;
    return {
      id,
      generationId: attempt?.generationId ?? id.slice(0, -2),
      isOpen: false,
      cell: this.cells[place]!,
      keyId: this.keys[place]!,
      project: attempt?.project,
      endUser: attempt?.endUser,
      workflow: attempt?.workflow,
      parent: attempt?.parent,
      tags: attempt?.tags && JSON.stringify(attempt.tags),
      units: undefined,
      at: numbers[at++]!,
      cost: numbers[at++]!,
      markup: numbers[at++]!,
      avoided: numbers[at++]!,
      costHigh: numbers[at++]!,
      markupHigh: numbers[at++]!,
      avoidedHigh: numbers[at++]!,
      lines: { count: numbers[at]!, from: at + 1, numbers, kinds: this.kinds },
    };
  }

  leave(place: number): void {
    this.attempts[place] = undefined;
    this.free.push(place);
  }

  private kindOf({ meter, dims, model, price, per, amount }: ReceiptLine): number | undefined {
    const known = this.kindsOf.get(meter) ?? [];
    for (const kind of known) {
      if (kind.price !== price || kind.per !== per || kind.model !== model) continue;
      if ((kind.amount === undefined) !== (amount === undefined)) continue;
      if (kind.dims === dims || JSON.stringify(kind.dims) === JSON.stringify(dims)) return kind.place;
    }
    const place = this.kinds.length;
    if (place >= mostKinds) return undefined;
    this.kinds.push({ meter, dims, model, price, per, amount, place });
    this.kindsOf.set(meter, [this.kinds[place]!, ...known]);
    return place;
  }

  private grow(): void {
    const longer = new Float64Array(this.numbers.length * 2);
    longer.set(this.numbers);
    this.numbers = longer;
  }
}

/** The first attempt of its generation, of whom and what no more is said than its key. */
function isPlain({ id, generationId, project, endUser, workflow, parent, tags }: NewAttempt): boolean {
  const isSaid = (project ?? endUser ?? workflow ?? parent ?? tags) !== undefined;
  if (isSaid) return false;
  return id.length === generationId.length + 2 && id.endsWith('.1') && id.startsWith(generationId);
}
