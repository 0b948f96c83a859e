import type { Context } from 'hono';
import { type Dialect, GatewayError, type JsonObject } from '../contract/index.ts';
import { type Gateway, newTrace } from '../gateway/gateway.ts';
import type { Wishes } from '../gateway/plan.ts';
import { runText } from '../gateway/text.ts';
import type { Lifetime } from '../runtime/ports.ts';
import { aboutOf } from './about.ts';
import { errorAnswer, traceHeaders } from './answer.ts';
import type { Authenticator } from './authenticate.ts';
import { readJson } from './body.ts';
import { takeWishes } from './wishes.ts';

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
      const read = await readJson(c);
      const place = where(c, read.body);
      const { text, body, wishes, asked } = readWishes(c, read, place.model);
      const reply = await runText(gateway, lifetimeOf(c), {
        caller,
        trace,
        door,
        body,
        text,
        asked,
        stream: place.stream ?? body.stream === true,
        strict: c.req.header('x-atelier-strict') === 'true',
        headers: forwardedHeaders(c, door),
        about: await aboutOf(c, caller, body),
        wishes,
        header: (name) => c.req.header(name),
        left: () => c.req.raw.signal,
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

/**
 * A request of a text door without what it says about who may answer, and the name it asks for.
 * @param model where the door has it outside of the body.
 */
export function readWishes(
  c: Context,
  { text, body }: { text: string; body: JsonObject },
  model?: string,
): { text: string; body: JsonObject; wishes?: Wishes; asked: string } {
  const own = body.models !== undefined || body.route !== undefined;
  const wishes = takeWishes(c, body, model ?? body.model);
  const named = model ?? body.model;
  const asked = typeof named === 'string' && named !== '' ? named : (wishes?.models?.[0] ?? '');
  if (asked === '') throw new GatewayError('invalid_request', { message: 'model is required.', param: 'model' });
  if (!own) return { text, body, wishes, asked };
  const sent = model === undefined ? { ...body, model: asked } : body;
  return { text: JSON.stringify(sent), body: sent, wishes, asked };
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
