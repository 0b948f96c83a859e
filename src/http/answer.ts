import type { Context } from 'hono';
import { asGatewayError, type Dialect, GatewayError, type JsonObject } from '../contract/index.ts';
import type { Trace } from '../gateway/gateway.ts';
import type { Answered } from '../runtime/ports.ts';

/** What a request came to, in headers: on every door, on success and failure alike. */
export function traceHeaders(trace: Trace): Record<string, string> {
  const headers: Record<string, string> = {};
  if (trace.generation) headers['x-atelier-generation'] = trace.generation;
  if (trace.provider) headers['x-atelier-provider'] = trace.provider;
  if (trace.model) headers['x-atelier-model'] = printable(trace.model);
  if (trace.generation) headers['x-atelier-attempts'] = String(trace.attempts);
  if (trace.cost !== undefined) headers['x-atelier-cost-usd'] = trace.cost;
  if (trace.costStatus) headers['x-atelier-cost-status'] = trace.costStatus;
  if (trace.simulated) headers['x-atelier-simulated'] = 'true';
  if (trace.warnings.length > 0) {
    headers['x-atelier-warnings'] = printable(trace.warnings.join(' | '));
  }
  return headers;
}

/** What a header can carry: a caller's own words may hold anything. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 4000);
}

/** Our own error envelope, a superset of OpenAI's. */
export function errorBody(error: GatewayError, trace?: Trace): JsonObject {
  return {
    error: {
      code: error.code,
      message: error.message,
      type: error.status >= 500 ? 'api_error' : 'invalid_request_error',
      param: error.details.param ?? null,
      retryable: error.retryable,
      ...(error.details.provider ? { provider: error.details.provider } : {}),
      ...(error.details.billing ? { billing: error.details.billing } : {}),
      ...(trace?.generation ? { generation: trace.generation } : {}),
      ...(error.details.facts === undefined ? {} : { facts: error.details.facts }),
    },
  };
}

function isTooDeep(thrown: unknown): boolean {
  return thrown instanceof RangeError && thrown.message.includes('call stack');
}

function tooDeep(): GatewayError {
  return new GatewayError('invalid_request', 'The body is nested too deeply.');
}

/** An error answer, in the caller's dialect where the door has one. */
export function errorAnswer(thrown: unknown, trace?: Trace, dialect?: Dialect): Response {
  return responseOf(errorOf(thrown, trace, dialect));
}

/** A Response of an answer. */
export function responseOf({ status, headers, body }: Answered): Response {
  return new Response(body as BodyInit, { status, headers });
}

/** An error answer before any Response is made of it. */
export function errorOf(thrown: unknown, trace?: Trace, dialect?: Dialect): Answered {
  const error = asGatewayError(isTooDeep(thrown) ? tooDeep() : thrown);
  if (error.code === 'internal_error' || error.code === 'store_unavailable')
    console.error(error.code, error.cause ?? error);
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'x-atelier-error-code': error.code,
    // SDKs retry 5xx by themselves: a call that may have cost money must not be sent again unasked.
    'x-should-retry': String(error.retryable && error.details.billing !== 'unknown'),
    ...(trace ? traceHeaders(trace) : {}),
  };
  if (error.details.retryAfterMs !== undefined) {
    headers['retry-after'] = String(Math.max(1, Math.ceil(error.details.retryAfterMs / 1000)));
  }
  const body = dialect ? dialect.writeError(error, trace?.generation) : errorBody(error, trace);
  return { status: error.status, headers, body: JSON.stringify(body) };
}

export function jsonAnswer(c: Context, body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return c.body(JSON.stringify(body), status as 200, { 'content-type': 'application/json', ...headers });
}
