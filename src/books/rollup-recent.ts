import type { Receipt } from '../contract/index.ts';
import type { Sql } from '../runtime/ports.ts';
import type { NewAttempt, Settlement } from './attempts.ts';
import { Places } from './rollup-places.ts';
import { type AttemptRow, cellOf, readAttempts } from './rollup-rows.ts';

/** Attempts kept in mind at most; the oldest are forgotten first. */
const mostKept = 4_096;
/** Above this share of attempts that are not known here, all of them are read: one by one would cost more. */
const mostUnknown = 1 / 8;

/**
 * Attempts that began and ended in this process a moment ago, as they were written: so they need not be read from the book to be taken
 * into the columns. The book says which there are and whether they have ended; a row that has does not change any more.
 *
 * One that has ended is kept as numbers in a place that was there before: as objects they would live just long enough to be moved
 * among the old things by every collection, and cost more there than their writing.
 */
export class RecentAttempts {
  private readonly sql: Sql;
  private readonly open = new Map<string, NewAttempt>();
  private readonly settled = new Map<string, number>();
  private readonly places = new Places();
  private readonly cells = new Cells();

  constructor(sql: Sql) {
    this.sql = sql;
  }

  began(attempt: NewAttempt): void {
    if (this.open.size >= mostKept) this.open.delete(this.open.keys().next().value!);
    this.open.set(attempt.id, attempt);
  }

  /** @param hasUnits whether countable results were noted with it, which it may be too late for: the book knows. */
  ended(settlement: Settlement, hasUnits: boolean): void {
    const { attemptId } = settlement;
    const attempt = this.open.get(attemptId);
    if (!attempt) return;
    this.open.delete(attemptId);
    if (hasUnits) return;
    if (this.settled.size >= mostKept) this.leave(this.settled.keys().next().value!);
    const cell = this.cells.textOf(attempt, settlement.outcome, settlement.receipt);
    const place = this.places.put(attempt, settlement, cell);
    if (place !== undefined) this.settled.set(attemptId, place);
  }

  /** What was written may have been undone. */
  forget(): void {
    this.open.clear();
    for (const id of this.settled.keys()) this.leave(id);
  }

  forgetTaken(rows: readonly AttemptRow[]): void {
    for (const { id } of rows) {
      this.open.delete(id);
      this.leave(id);
    }
  }

  /** The book's attempts after an id, so many, in their order. */
  after(id: string, limit: number): AttemptRow[] {
    const all = () => readAttempts(this.sql, 'after', id, limit);
    if (this.open.size + this.settled.size === 0) return all();
    const listed = this.sql.all(
      `SELECT json_group_array(id) AS ids, json_group_array(id) FILTER (WHERE state = 'dispatched') AS open
       FROM (SELECT id, state FROM attempt WHERE id > ? ORDER BY id LIMIT ?)`,
      ...[id, limit],
    )[0];
    const ids = JSON.parse(String(listed?.ids)) as string[];
    const open = new Set(JSON.parse(String(listed?.open)) as string[]);
    let unknown = 0;
    const rows = ids.map((one) => {
      const place = open.has(one) ? undefined : this.settled.get(one);
      if (place !== undefined) return this.places.rowAt(place, one);
      unknown++;
      return undefined;
    });
    if (unknown > ids.length * mostUnknown) return all();
    return rows.flatMap((row, place) => row ?? readAttempts(this.sql, 'one', ids[place]!));
  }

  private leave(id: string): void {
    const place = this.settled.get(id);
    if (place === undefined) return;
    this.settled.delete(id);
    this.places.leave(place);
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
