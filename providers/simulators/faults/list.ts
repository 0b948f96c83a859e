/**
 * Where a fault can happen: `answer` everywhere (injected fetch, msw, server, workerd) · `throw` the fetch fails, also everywhere ·
 * `body` the body breaks half-way: everywhere but under msw 3, which turns it into a clean end ·
 * `socket` as itself only on the standalone server; in process its nearest likeness · `job` work that ends otherwise.
 */
export type FaultKind = 'answer' | 'throw' | 'body' | 'socket' | 'job';

export type FaultRow = { name: string; kind: FaultKind; argument?: string; about: string };

const row = (kind: FaultKind, name: string, about: string, argument?: string): FaultRow =>
  argument === undefined ? { name, kind, about } : { name, kind, argument, about };

/** Every fault by its code, written `name` or `name:argument`. */
export const faultList: readonly FaultRow[] = [
  row('answer', 'status', "an error in the vendor's envelope; 429 and 503 say retry-after: 1", 'status'),
  row('answer', 'retry-after', '429 with Retry-After in seconds', 'seconds'),
  row('answer', 'retry-after-date', '429 with Retry-After as an HTTP date so many seconds ahead', 'seconds'),
  row('answer', 'retry-after-past', '429 with an HTTP date that is over'),
  row('answer', 'retry-after-ms', '429 with retry-after-ms', 'milliseconds'),
  row('answer', 'retry-after-bad', '429 whose Retry-After is no number and no date'),
  row('answer', 'retry-after-negative', '429 with Retry-After: -5'),
  row('answer', 'retry-after-none', '429 that does not say when'),
  row('answer', 'rate-reset', '429 with x-ratelimit-reset-requests and -tokens', 'duration: 1s, 6m0s'),
  row('answer', 'rate-reset-at', '429 with anthropic-ratelimit-*-reset (RFC 3339)', 'seconds ahead'),
  row('answer', 'quota', 'the money ran out, in the words and status of the vendor'),
  row('answer', 'overloaded', "529 or 503, as the vendor's own"),
  row('answer', 'edge', 'an HTML page of the proxy in front; nothing was done', '502, 503, 504'),
  row('answer', 'billed-500', 'the work is done and billed, the answer is 500'),
  row('answer', 'billed', 'the work is done and billed, the answer is an error of the vendor', 'status'),
  row('answer', 'billed-edge', 'the work is done and billed, the answer is an HTML page of the proxy', '502, 504'),
  row('throw', 'billed-reset', 'the work is done and billed, then the connection dies before the headers'),
  row('throw', 'dns', 'the name does not resolve: never sent'),
  row('throw', 'refused', 'nobody listens: never sent'),
  row('throw', 'connect-timeout', 'no handshake: never sent'),
  row('throw', 'tls', 'the certificate is not trusted: never sent'),
  row('throw', 'reset', 'the connection is reset before the headers, or after so many events', 'events'),
  row('throw', 'fin', 'the connection is closed before the headers'),
  row('body', 'reset-bytes', 'the connection is reset after so many bytes of the body', 'bytes'),
  row('body', 'fin-bytes', 'the connection is closed after so many bytes, without the last chunk', 'bytes'),
  row('answer', 'cut', 'the stream ends cleanly after so many events', 'events'),
  row('answer', 'cut-bytes', 'the body ends cleanly after so many bytes', 'bytes'),
  row('socket', 'truncated', 'a body without length, delimited by the close, ends early: it looks whole', 'bytes'),
  row('socket', 'short-length', 'content-length promises more than comes', 'bytes'),
  row('socket', 'bad-chunk', 'the chunked coding breaks', 'bytes'),
  row('socket', 'huge-header', 'a header larger than clients take', 'kilobytes'),
  row('socket', 'many-headers', 'thousands of headers', 'headers'),
  row('socket', 'bad-gzip', 'content-encoding: gzip over bytes that are not'),
  row('socket', 'gzip-bomb', 'a few kilobytes that decode to megabytes', 'megabytes'),
  row('answer', 'slow', 'milliseconds before the answer', 'milliseconds'),
  row('answer', 'late', 'the work begins at once, its answer comes so many milliseconds after it', 'milliseconds'),
  row('answer', 'stall', 'never answers', 'milliseconds, then answers'),
  row('answer', 'stall-after', 'silence after so many events', 'events, or events:milliseconds'),
  row('answer', 'pace', 'milliseconds between events', 'milliseconds'),
  row('answer', 'drip', 'one byte at a time, a second apart', 'milliseconds apart'),
  row('answer', 'garbage', 'an HTML page with 200'),
  row('answer', 'empty', '200 without a body'),
  row('answer', 'half-json', 'a body cut in the middle'),
  row('answer', 'error-200', "the vendor's error body with 200"),
  row('answer', 'content-type', 'the right body under a wrong content type', 'media type; text/html'),
  row('answer', 'empty-image', 'success whose media is empty'),
  row('answer', 'bad-image', 'success whose media cannot be decoded'),
  row('answer', 'redirect', '302', 'address; a private one'),
  row('answer', 'split', 'chunks of so many bytes: events and characters come apart', 'bytes; 1'),
  row('answer', 'merge', 'all events in one chunk'),
  row('answer', 'sse-no-blank', 'events without the blank line between them'),
  row('answer', 'sse-cr', 'lines end with CR alone'),
  row('answer', 'sse-crlf', 'lines end with CRLF'),
  row('answer', 'sse-bom', 'a byte order mark first'),
  row('answer', 'sse-no-space', '`data:` without the space'),
  row('answer', 'sse-comments', 'comments between events'),
  row('answer', 'sse-ids', 'event ids and retry lines'),
  row('answer', 'sse-long-line', 'a line of so many kilobytes', 'kilobytes; 1024'),
  row('answer', 'bad-event', 'the event with this number is broken JSON, the others are right', 'event, from 0; 1'),
  row('answer', 'bad-utf8', 'the event with this number has bytes that are not UTF-8', 'event, from 0; 1'),
  row('answer', 'duplicate-event', 'the event with this number comes twice', 'event, from 0; 1'),
  row('answer', 'error-event', "the vendor's error as an event, after so many", 'events; 1'),
  row('answer', 'no-end', 'the stream ends cleanly without its last event'),
  row('answer', 'usage-missing', 'no usage anywhere'),
  row('answer', 'usage-twice', 'the usage is said twice'),
  row('answer', 'usage-decreasing', 'a second usage that is smaller'),
  row('job', 'job', 'how an asynchronous job ends', 'fail, filtered, empty, wrong-type, slow, expired, webhook-…'),
];

const names = new Set(faultList.map((fault) => fault.name));

export const isFault = (name: string): boolean => names.has(name);
