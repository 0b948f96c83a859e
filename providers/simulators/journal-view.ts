import { digestOf } from './digest.ts';
import type { JournalEntry, JournalFilter } from './journal.ts';

/** An entry as JSON: bodies that are text as text, others as their size and digest. */
export function viewEntry(entry: JournalEntry) {
  const { body, answer, billed, ...rest } = entry;
  return {
    ...rest,
    body: readable(body),
    answer: readable(answer),
    billed: billed.flatMap((call) => call.charges),
  };
}

function readable(bytes: Uint8Array): string | { bytes: number; digest: string } {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (!text.includes('\u0000')) return text;
  } catch {
    // Not text.
  }
  return { bytes: bytes.length, digest: digestOf(bytes) };
}

export function matches(entry: JournalEntry, filter: JournalFilter): boolean {
  const { path, ...plain } = filter;
  for (const [name, value] of Object.entries(plain)) {
    if (value !== undefined && entry[name as keyof JournalEntry] !== value) return false;
  }
  if (path === undefined) return true;
  return typeof path === 'string' ? entry.path.includes(path) : path.test(entry.path);
}
