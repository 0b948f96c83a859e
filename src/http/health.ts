import type { Gateway } from '../gateway/gateway.ts';

/** What `GET /healthz` says of an open gateway, as JSON. */
export function healthOf({ books }: Gateway): { status: 200 | 503; body: string } {
  const isReady = books.ready?.() ?? true;
  return { status: isReady ? 200 : 503, body: JSON.stringify({ status: isReady ? 'ok' : 'store_unavailable' }) };
}
