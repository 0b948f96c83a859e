import type { BookClient, SpendAnswer, SpendQuery, SpendRow } from '../books/index.ts';

/** Milliseconds to wait for another report. */
const patience = 4;

/** A report of a book, in portions of rows: between two steps everybody else has a turn. */
export async function* reportOf(
  book: BookClient,
  query: SpendQuery,
): AsyncGenerator<SpendRow[], Omit<SpendAnswer, 'rows'>> {
  const token = crypto.randomUUID();
  for (;;) {
    const step = await book.spendStep(token, query);
    if (step.state === 'done') return step.answer;
    if (step.state === 'waiting') await new Promise((resolve) => setTimeout(resolve, patience));
    else if (step.rows.length > 0) yield step.rows;
  }
}

/** All of it at once. */
export async function wholeReport(book: BookClient, query: SpendQuery): Promise<SpendAnswer> {
  const steps = reportOf(book, query);
  const rows: SpendRow[] = [];
  for (;;) {
    const { done, value } = await steps.next();
    if (done) return { rows, ...value };
    for (const row of value) rows.push(row);
  }
}
