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

/** Text in pieces as a stream: the reader's pace is the report's. */
export function textStream(pieces: AsyncIterator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await pieces.return?.();
    },
  });
}
