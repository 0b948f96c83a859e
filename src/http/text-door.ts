import type { Context } from 'hono';
import { type Dialect, GatewayError, type JsonObject } from '../contract/index.ts';
import { type Gateway, newTrace } from '../gateway/gateway.ts';
import { runText } from '../gateway/text.ts';
import type { Lifetime } from '../runtime/ports.ts';
import { aboutOf } from './about.ts';
import { errorAnswer, traceHeaders } from './answer.ts';
import type { Authenticator } from './authenticate.ts';
import { readJson } from './body.ts';

/** What a door finds outside the body, e.g. Gemini's model in the path. */
export type Where = { model?: string; stream?: boolean };

/** A text door that speaks one dialect, with any text model behind it. */
export function textDoor(
  gateway: Gateway,
  authenticator: Authenticator,
  lifetimeOf: (c: Context) => Lifetime,
  door: Dialect,
  where: (c: Context, body: JsonObject) => Where = () => ({}),
) {
  return async function answerText(c: Context): Promise<Response> {
    const trace = newTrace();
    try {
      const caller = await authenticator.caller(c);
      const { text, body } = await readJson(c);
      const place = where(c, body);
      const asked = place.model ?? body.model;
      if (typeof asked !== 'string' || asked === '') {
        throw new GatewayError('invalid_request', { message: 'model is required.', param: 'model' });
      }
      const stream = place.stream ?? body.stream === true;
      const strict = c.req.header('x-atelier-strict') === 'true';
      const headers = forwardedHeaders(c, door);
      const reply = await runText(gateway, lifetimeOf(c), {
        caller,
        trace,
        door,
        body,
        text,
        asked,
        stream,
        strict,
        headers,
        about: await aboutOf(c, caller, body),
      });
      return new Response(reply.body as BodyInit, {
        status: 200,
        headers: { ...reply.headers, ...traceHeaders(trace) },
      });
    } catch (thrown) {
      return errorAnswer(thrown, trace, door);
    }
  };
}

/** The caller's headers that belong to its dialect, for an upstream that speaks it too. */
export function forwardedHeaders(c: Context, door: Dialect): Record<string, string> | undefined {
  let headers: Record<string, string> | undefined;
  for (const name of door.forwardedHeaders ?? []) {
    const value = c.req.header(name);
    if (value !== undefined) headers = { ...headers, [name]: value };
  }
  return headers;
}
