import type { Journal, JournalEntry, JournalFilter } from './journal.ts';
import { viewEntry } from './journal-view.ts';

/** Entries that one answer lists. */
const usualLimit = 200;

/**
 * What may be asked of a journal below `/_simulator`: `GET /journal` (filters `provider`, `method`, `path`, `model`, `status`, `fault`, `outcome`,
 * `client`, `limit`) · `GET /journal/{number}` · `GET /journal/{number}/request` and `/answer`, the raw bytes · `DELETE /journal` ·
 * `GET /events`, every change as server-sent events.
 */
export function journalRoutes(journal: Journal, path: string, request: Request): Response | undefined {
  if (path === '/events' && request.method === 'GET') return events(journal, request.signal);
  const found = /^\/journal(?:\/(\d+)(?:\/(request|answer))?)?$/.exec(path);
  if (!found) return undefined;
  const [, number, part] = found;
  if (number === undefined) {
    if (request.method === 'DELETE') journal.clear();
    else if (request.method !== 'GET') return undefined;
    return list(journal, new URL(request.url).searchParams);
  }
  const entry = journal.entries.find((one) => one.number === Number(number));
  if (!entry) return Response.json({ error: 'No such entry, or no longer.' }, { status: 404 });
  if (!part) return Response.json(viewEntry(entry));
  const [bytes, headers] = part === 'request' ? [entry.body, entry.headers] : [entry.answer, entry.answerHeaders];
  // The bytes as a file: a browser must not run what a model wrote.
  return new Response(bytes as BodyInit, {
    headers: {
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="${number}-${part}"`,
      'x-content-type': headers['content-type'] ?? '',
    },
  });
}

function list(journal: Journal, query: URLSearchParams): Response {
  const text = (name: string) => query.get(name) ?? undefined;
  const status = text('status');
  const filter: JournalFilter = {
    provider: text('provider'),
    method: text('method'),
    path: text('path'),
    model: text('model'),
    fault: text('fault'),
    client: text('client'),
    outcome: text('outcome') as JournalFilter['outcome'],
    ...(status ? { status: Number(status) } : {}),
  };
  const found = journal.find(filter);
  const entries = found.slice(-Number(text('limit') ?? usualLimit)).map(viewEntry);
  return Response.json({
    entries,
    count: found.length,
    dropped: journal.dropped,
    concurrency_high_water: journal.highWater,
    aborts: journal.aborts(filter).length,
    digest: journal.digest(),
  });
}

/** What the page shows of an entry. */
export function summary(entry: JournalEntry) {
  const { number, provider, method, path, model, status, fault, outcome, at, endedAt, attempt, answerBytes } = entry;
  const billed = entry.billed.flatMap((call) => call.charges.map(({ meter, quantity }) => `${quantity} ${meter}`));
  return { number, provider, method, path, model, status, fault, outcome, at, endedAt, attempt, answerBytes, billed };
}

function events(journal: Journal, signal: AbortSignal): Response {
  const encoder = new TextEncoder();
  let stop = () => {};
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const send = (entry: JournalEntry) =>
        controller.enqueue(encoder.encode(`data: ${JSON.stringify(summary(entry))}\n\n`));
      for (const entry of journal.entries.slice(-usualLimit)) send(entry);
      const leave = journal.subscribe(send);
      stop = () => {
        leave();
        signal.removeEventListener('abort', stop);
      };
      signal.addEventListener('abort', stop, { once: true });
      controller.enqueue(encoder.encode(': open\n\n'));
    },
    cancel: () => stop(),
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' } });
}
