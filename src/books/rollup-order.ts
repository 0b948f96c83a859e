import type { Sql } from '../runtime/ports.ts';
import { type AttemptRow, readAttempts } from './rollup-rows.ts';

/** Whether it is the first attempt of its generation: then none was before it. */
export function isFirst({ id, generationId }: AttemptRow): boolean {
  return id.length === generationId.length + 2 && id.endsWith('.1');
}

/** Whether an attempt is noted as late. Asked without a query where none is. */
export function lateOnes(sql: Sql): (id: string) => boolean {
  if (sql.all('SELECT 1 FROM rollup_late LIMIT 1').length === 0) return () => false;
  return (id) => sql.all('SELECT 1 FROM rollup_late WHERE attempt_id = ?', id).length > 0;
}

type Order = {
  upto: string;
  isLate: (id: string) => boolean;
  countsOpen: boolean;
  /** Set where late ones are being taken in: what was scanned before them. */
  scannedTo?: string;
};

/** The attempts of the same generation that are taken in before a given one. */
export function siblingsOf(
  sql: Sql,
  { upto, isLate, countsOpen, scannedTo }: Order,
): (row: AttemptRow) => AttemptRow[] {
  return ({ id, generationId }) => {
    const all = readAttempts(sql, 'between', `${generationId}.`, `${generationId}/`);
    return all.filter(({ id: other, isOpen }) => {
      if (other === id || (isOpen && !countsOpen)) return false;
      if (isLate(other)) return scannedTo !== undefined && other < id;
      return other <= upto || (scannedTo === undefined ? other < id : other <= scannedTo);
    });
  };
}
