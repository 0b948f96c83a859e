import { type Dialect, errorOfAnswer, GatewayError, type Json } from '../contract/index.ts';
import type { Upstream, WireResponse } from '../runtime/ports.ts';
import { garbage, parseAnswer } from './answers.ts';
import type { Attempt } from './attempt.ts';

/** The most of a refusal that is read. */
const largestRefusal = 1 << 20;

/** What a provider's non-2xx answer means. */
export async function readRefusal(attempt: Attempt, wire: WireResponse): Promise<GatewayError> {
  let text = '';
  try {
    text = withoutKey(new TextDecoder().decode(await wire.bytes(largestRefusal)), attempt.upstream);
  } catch {
    // The status alone already says that it failed.
  }
  return errorOfAnswer(attempt.upstream.provider, wire.status, wire.headers(), jsonOf(text));
}

/** True where a stream was asked for and something else came: a login page, or an error object with status 200. */
export function isMisplaced(wire: WireResponse): boolean {
  return /json|html|xml/.test(wire.header('content-type') ?? '');
}

/** What came in place of a stream. */
export async function readMisplaced(attempt: Attempt, wire: WireResponse, dialect: Dialect): Promise<GatewayError> {
  try {
    const body = parseAnswer(await wire.bytes(largestRefusal));
    return (body && faultInside(attempt, dialect, body)) ?? garbage(attempt);
  } catch {
    return garbage(attempt);
  }
}

/** The error object that came with status 200, if this answer is one. */
export function faultInside(attempt: Attempt, dialect: Dialect, body: Json): GatewayError | undefined {
  if (!dialect.scan.error?.(body)) return undefined;
  const { id } = attempt.upstream.row;
  return new GatewayError('provider_error', {
    message: `${id}: ${withoutKey(dialect.readError(200, body).message, attempt.upstream)}`,
    provider: id,
    failure: 'C',
    billing: 'unknown',
  });
}

/** A provider's words with our key struck out: some quote what they were sent. */
export function withoutKey(text: string, upstream: Pick<Upstream, 'key'>): string {
  return upstream.key.length < 8 ? text : text.replaceAll(upstream.key, '[key]');
}

/** A refusal that an adapter will read, without our key in it. Other answers stay as they are. */
export async function withoutKeyIn(answer: Response, upstream: Pick<Upstream, 'key'>): Promise<Response> {
  if (answer.status < 400) return answer;
  const { status, headers } = answer;
  return new Response(withoutKey(await answer.text(), upstream), { status, headers: new Headers(headers) });
}

function jsonOf(text: string): Json | undefined {
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
