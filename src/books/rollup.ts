import type { Sql } from '../runtime/ports.ts';
import type { NewAttempt, Settlement } from './attempts.ts';
import { columns, join } from './rollup-columns.ts';
import { Names } from './rollup-names.ts';
import { isFirst, lateOnes, siblingsOf } from './rollup-order.ts';
import { RecentAttempts } from './rollup-recent.ts';
import { type AttemptRow, readAttempts, SegmentBuilder } from './rollup-rows.ts';
import { Segments } from './rollup-store.ts';
import { type Summaries, summarize } from './rollup-summary.ts';

/** Attempts that one step takes in, and how many of the newest it leaves alone: most of them are still open. */
const step = 384;
const newest = 256;
/** A step every so many settlements. Fewer than a step, so that what was left behind catches up. */
const settlementsAStep = 256;
/** Segments of one level that become one of the next, up to 16 thousand rows or so. */
const fanOut = 8;
const highestLevel = 2;
/** Values of one column that are still one blob: a Durable Object's row holds 2 MB. */
const mostValues = 200_000;
/**
 * The settled attempts once more, by columns: what reports are added up from, in a tenth of the time and the bytes. All of it follows
 * from the attempts and can be made anew at any time.
 *
 * Attempts are taken in by the order of their ids, up to a watermark. One that was open then, or came later with an id below the
 * watermark, is noted as late and taken in by itself once it has ended.
 */
export class Rollup {
  readonly segments: Segments;
  readonly recent: RecentAttempts;
  private readonly sql: Sql;
  /** The highest watermark ever seen. May be above the stored one, after a rollback: then more is noted as late than need be. */
  private seen: string | undefined;
  private settlements = 0;
  /** The summary that is being made. A segment of the highest level stays as it is. */
  private summarizing: { epoch: number; id: number; parts: Generator<void, Summaries | undefined> } | undefined;
  private names: Names | undefined;
  private serial: number | undefined;
  /** The newest segments of the lowest level, counted as long as nobody else takes steps. */
  private small: number | undefined;
  /** While a report reads, nothing moves: its ticket, and the steps that were put off for it. */
  private frozenFor: number | undefined;
  private putOff = 0;
  private tickets = 0;

  constructor(sql: Sql) {
    this.sql = sql;
    this.segments = new Segments(sql);
    this.recent = new RecentAttempts(sql);
  }

  /** An attempt was written. */
  began(attempt: NewAttempt): void {
    this.recent.began(attempt);
    if (attempt.id <= this.watermark()) {
      this.sql.run('INSERT OR IGNORE INTO rollup_late (attempt_id, ended) VALUES (?, 0)', attempt.id);
    }
  }

  /**
   * An attempt ended. Every so often this takes a step: a few milliseconds.
   * @param units what its generation came to, where it is over.
   */
  ended(settlement: Settlement, units?: Record<string, number>): void {
    const { attemptId } = settlement;
    if (attemptId <= this.watermark()) this.sql.run('UPDATE rollup_late SET ended = 1 WHERE attempt_id = ?', attemptId);
    if (++this.settlements >= settlementsAStep) {
      this.settlements = 0;
      try {
        this.rollUp();
      } catch {
        // No settlement fails for what only follows from it: the columns are made anew. Where the store itself fails, so does this.
        this.rebuild();
      }
    }
    this.recent.ended(settlement, units !== undefined);
  }

  /** What was written may have been undone. */
  forget(): void {
    this.recent.forget();
    this.summarizing = undefined;
    this.names = undefined;
  }

  /**
   * Takes in what has settled.
   * @param limit attempts at most.
   * @param leave how many of the newest to leave for later.
   * @returns whether there may be more.
   */
  rollUp(limit = step, leave = newest): boolean {
    if (this.frozenFor !== undefined && this.putOff++ < 64) return true;
    this.frozenFor = undefined;
    const { epoch, upto, clearing, serial } = this.state();
    if (clearing) return this.clear(epoch);
    // One thing at a time, so that nobody waits for more; a summary is made in passing, a part at a time.
    const names = this.namesAt(epoch, serial);
    if (this.merge(epoch)) {
      this.serial = serial;
      return true;
    }
    const hasMore = this.summarize(epoch);
    const builder = new SegmentBuilder(names);
    const scanned = this.scan(upto, limit, leave);
    const isLate = lateOnes(this.sql);
    const open: string[] = [];
    const siblings = siblingsOf(this.sql, { upto, isLate, countsOpen: false });
    for (const row of scanned) {
      if (isLate(row.id)) continue;
      if (row.isOpen) open.push(row.id);
      else builder.add(row, isFirst(row) ? [] : siblings(row));
    }
    const last = scanned.at(-1)?.id ?? upto;
    // One above the watermark is noted for a step that was rolled back: its time comes when the watermark is there.
    const late = this.sql.all(
      'SELECT attempt_id FROM rollup_late WHERE ended = 1 AND attempt_id <= ? ORDER BY attempt_id LIMIT ?',
      ...[last, limit],
    );
    const siblingsOfLate = siblingsOf(this.sql, { upto, isLate, countsOpen: false, scannedTo: last });
    for (const { attempt_id: id } of late) {
      const row = readAttempts(this.sql, 'one', id ?? null)[0];
      if (row) builder.add(row, siblingsOfLate(row));
    }
    for (const { attempt_id: id } of late) this.sql.run('DELETE FROM rollup_late WHERE attempt_id = ?', id ?? null);
    for (const id of open) this.sql.run('INSERT OR IGNORE INTO rollup_late (attempt_id, ended) VALUES (?, 0)', id);
    if (scanned.length > 0 || late.length > 0) {
      this.sql.run('UPDATE rollup_state SET upto = ?, serial = serial + 1', last);
      if (this.seen === undefined || last > this.seen) this.seen = last;
    }
    const segment = builder.finish();
    if (segment.rows > 0) {
      this.segments.write(epoch, 0, builder.firstAt, builder.lastAt, segment);
      if (this.small !== undefined) this.small++;
    }
    this.serial = scanned.length > 0 || late.length > 0 ? serial + 1 : serial;
    this.recent.forgetTaken(scanned);
    return hasMore || scanned.length > 0 || late.length > 0;
  }

  /** Forgets all of it, to be taken in anew by the steps that follow. */
  rebuild(): void {
    this.frozenFor = undefined;
    this.sql.run("UPDATE rollup_state SET epoch = epoch + 1, upto = '', clearing = 1");
    this.sql.run('DELETE FROM rollup_late');
  }

  /** Holds everything as it is while a report reads. Returns its ticket. */
  freeze(): number {
    this.putOff = 0;
    this.frozenFor = ++this.tickets;
    return this.frozenFor;
  }

  /** False once a report was no longer waited for. */
  isFrozenFor(ticket: number): boolean {
    return this.frozenFor === ticket;
  }

  thaw(ticket: number): void {
    if (this.frozenFor === ticket) this.frozenFor = undefined;
  }

  state(): { epoch: number; upto: string; clearing: boolean; serial: number } {
    const row = this.sql.all('SELECT epoch, upto, clearing, serial FROM rollup_state')[0];
    return {
      epoch: Number(row?.epoch),
      upto: String(row?.upto),
      clearing: row?.clearing === 1,
      serial: Number(row?.serial),
    };
  }

  private scan(upto: string, limit: number, leave: number): AttemptRow[] {
    if (leave > 0) {
      const beyond = this.sql.all(
        'SELECT 1 FROM attempt WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?',
        upto,
        limit + leave - 1,
      );
      if (beyond.length === 0) return [];
    }
    return this.recent.after(upto, limit);
  }

  /** The newest segments of one level become one of the next. Whether there were enough of them. */
  private merge(epoch: number): boolean {
    if (this.small !== undefined && this.small < fanOut) return false;
    const newest = this.segments.list(fanOut);
    const level = newest[0]?.level ?? highestLevel;
    const like = newest.findIndex((one) => one.level !== level);
    if (like >= 0 || newest.length < fanOut || level >= highestLevel) {
      this.small = level > 0 ? 0 : like < 0 ? newest.length : like;
      return false;
    }
    this.small = undefined;
    const tail = newest.reverse();
    const whole = join(tail.map((one) => this.segments.read(one, columns)));
    const values = Object.values({ ...whole.codes, ...whole.numbers });
    if (values.some((column) => column !== undefined && column.length > mostValues)) {
      for (const { id } of tail) this.sql.run('UPDATE rollup_segment SET level = ? WHERE id = ?', highestLevel, id);
      return true;
    }
    for (const one of tail) this.segments.remove(one.id);
    const firstAt = Math.min(...tail.map((one) => one.firstAt));
    this.segments.write(epoch, level + 1, firstAt, Math.max(...tail.map((one) => one.lastAt)), whole);
    return true;
  }

  /** Works a little on the summary of a large segment. Whether there is more to do. */
  private summarize(epoch: number): boolean {
    if (this.summarizing?.epoch !== epoch) this.summarizing = this.unsummarized(epoch);
    if (!this.summarizing) return false;
    const { id, parts } = this.summarizing;
    const { done, value: found } = parts.next();
    if (!done) return true;
    this.summarizing = undefined;
    const isStillWanted = this.sql.run(
      `UPDATE rollup_segment SET summary_rows = ?, span_rows = ?, chained_rows = ?
       WHERE id = ? AND epoch = ? AND level = ? AND summary_rows IS NULL`,
      ...[found?.summary.rows ?? 0, found?.spans.rows ?? 0, found?.chained.rows ?? 0, id, epoch, highestLevel],
    );
    if (found && isStillWanted === 1) {
      for (const part of ['summary', 'spans', 'chained'] as const) this.segments.writePart(id, part, found[part]);
    }
    return true;
  }

  private unsummarized(epoch: number): typeof this.summarizing {
    const row = this.sql.all(
      'SELECT id FROM rollup_segment WHERE epoch = ? AND level = ? AND summary_rows IS NULL LIMIT 1',
      ...[epoch, highestLevel],
    )[0];
    const stored = row && this.segments.list().find((one) => one.id === row.id);
    if (!stored) return undefined;
    return { epoch, id: stored.id, parts: summarize(this.sql, epoch, this.segments.read(stored, columns)) };
  }

  /** Removes a little of what is from before the last rebuild. */
  private clear(epoch: number): boolean {
    const old = this.sql.all('SELECT id FROM rollup_segment WHERE epoch < ? LIMIT 2', epoch);
    for (const { id } of old) this.segments.remove(Number(id));
    const names = this.sql.run(
      `DELETE FROM rollup_name WHERE (epoch, kind, text) IN
         (SELECT epoch, kind, text FROM rollup_name WHERE epoch < ? LIMIT 1000)`,
      epoch,
    );
    if (old.length === 0 && names === 0) this.sql.run('UPDATE rollup_state SET clearing = 0');
    return true;
  }

  /** The names known from the last step, if it was that step which the book has as its last: another one was rolled back. */
  private namesAt(epoch: number, serial: number): Names {
    if (this.names?.epoch !== epoch || this.serial !== serial) {
      this.names = new Names(this.sql, epoch);
      this.small = undefined;
    }
    // Until this step is through, what it adds is not to be relied on.
    this.serial = undefined;
    return this.names;
  }

  private watermark(): string {
    this.seen ??= this.state().upto;
    return this.seen;
  }
}
