import type { Receipt } from '../contract/index.ts';
import type { Sql } from '../runtime/ports.ts';
import type { NewAttempt, Settlement } from './attempts.ts';
import { type AttemptRow, amountsOf, cellOf, readAttempts } from './rollup-rows.ts';

/** Attempts kept in mind at most; the oldest are forgotten first. */
const mostKept = 4_096;
/** Above this share of attempts that are not known here, all of them are read: one by one would cost more. */
const mostUnknown = 1 / 8;

/**
 * Attempts that began and ended in this process a moment ago, as they were written: so they need not be read from the book to be taken
 * into the columns. The book says which there are and whether they have ended; a row that has does not change any more.
 */
export class RecentAttempts {
  private readonly sql: Sql;
  private readonly kept = new Map<string, { attempt: NewAttempt; settlement?: Settlement }>();
  private readonly cells = new Cells();

  constructor(sql: Sql) {
    this.sql = sql;
  }

  began(attempt: NewAttempt): void {
    if (this.kept.size >= mostKept) this.kept.delete(this.kept.keys().next().value!);
    this.kept.set(attempt.id, { attempt, settlement: undefined });
  }

  /** @param hasUnits whether countable results were noted with it, which it may be too late for: the book knows. */
  ended(settlement: Settlement, hasUnits: boolean): void {
    const known = this.kept.get(settlement.attemptId);
    if (!known) return;
    if (hasUnits) this.kept.delete(settlement.attemptId);
    else known.settlement = settlement;
  }

  /** What was written may have been undone. */
  forget(): void {
    this.kept.clear();
  }

  forgetTaken(rows: readonly AttemptRow[]): void {
    for (const { id } of rows) this.kept.delete(id);
  }

  /** The book's attempts after an id, so many, in their order. */
  after(id: string, limit: number): AttemptRow[] {
    const all = () => readAttempts(this.sql, 'after', id, limit);
    if (this.kept.size === 0) return all();
    const listed = this.sql.all(
      `SELECT json_group_array(id) AS ids, json_group_array(id) FILTER (WHERE state = 'dispatched') AS open
       FROM (SELECT id, state FROM attempt WHERE id > ? ORDER BY id LIMIT ?)`,
      ...[id, limit],
    )[0];
    const ids = JSON.parse(String(listed?.ids)) as string[];
    const open = new Set(JSON.parse(String(listed?.open)) as string[]);
    let unknown = 0;
    const rows = ids.map((one) => {
      const found = open.has(one) ? undefined : this.rowOf(one);
      if (!found) unknown++;
      return found;
    });
    if (unknown > ids.length * mostUnknown) return all();
    return rows.flatMap((row, place) => row ?? readAttempts(this.sql, 'one', ids[place]!));
  }

  private rowOf(id: string): AttemptRow | undefined {
    const known = this.kept.get(id);
    if (!known?.settlement) return undefined;
    const { attempt } = known;
    const { receipt, outcome, charge, avoided } = known.settlement;
    return {
      id,
      generationId: attempt.generationId,
      isOpen: false,
      cell: this.cells.textOf(attempt, outcome, receipt),
      keyId: attempt.keyId,
      project: attempt.project,
      endUser: attempt.endUser,
      workflow: attempt.workflow,
      parent: attempt.parent,
      tags: attempt.tags && JSON.stringify(attempt.tags),
      lines: receipt.lines,
      units: undefined,
      at: attempt.at,
      ...amountsOf(receipt.total ?? 0n, charge ?? 0n, avoided ?? 0n),
    };
  }
}

type Cell = Pick<NewAttempt, 'modality' | 'provider' | 'simulated'> &
  Pick<Receipt, 'status' | 'basis' | 'catalogue'> & { outcome: string; text: string };

/** Cells of one model are few: the one that is meant is sooner found than written. */
class Cells {
  private readonly known = new Map<string, Cell[]>();

  textOf(attempt: NewAttempt, outcome: string, receipt: Receipt): string {
    const { modality, provider, model, simulated } = attempt;
    const { status, basis, catalogue } = receipt;
    const cells = this.known.get(model) ?? [];
    for (const cell of cells) {
      if (
        cell.outcome === outcome &&
        cell.status === status &&
        cell.simulated === simulated &&
        cell.provider === provider &&
        cell.modality === modality &&
        cell.basis === basis &&
        cell.catalogue === catalogue
      )
        return cell.text;
    }
    const text = cellOf(attempt, outcome, receipt);
    if (this.known.size >= 1_000) this.known.clear();
    this.known.set(model, [
      { modality, provider, simulated, outcome, status, basis, catalogue, text },
      ...cells.slice(0, 15),
    ]);
    return text;
  }
}
