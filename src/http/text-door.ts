import type { Context } from 'hono';
import { type Dialect, GatewayError, type JsonObject } from '../contract/index.ts';
import { type Gateway, newTrace } from '../gateway/gateway.ts';
import type { Wishes } from '../gateway/plan.ts';
import { runText } from '../gateway/text.ts';
import type { Answered, Asking, Lifetime } from '../runtime/ports.ts';
import { aboutOf } from './about.ts';
import { errorOf, responseOf, traceHeaders } from './answer.ts';
import type { Authenticator } from './authenticate.ts';
import { readJson } from './body.ts';
import { takeWishes } from './wishes.ts';

/** What a door finds outside the body, e.g. Gemini's model in the path. */
export type Where = { model?: string; stream?: boolean };

const nowhere = (): Where => ({});

/** A text door under the router. */
export function textDoor<Request extends Asking = Context>(
  answer: TextDoor<Request>,
  lifetimeOf: (c: Request) => Lifetime,
): (c: Request) => Promise<Response> {
  return async function answerAsked(c) {
    return responseOf(await answer(c, lifetimeOf(c)));
  };
}

export type TextDoor<Request extends Asking = Asking> = (c: Request, lifetime: Lifetime) => Promise<Answered>;

/** A text door that speaks one dialect, with any text model behind it. It answers, and never throws. */
export function textAnswers<Request extends Asking = Asking>(
  gateway: Gateway,
  authenticator: Authenticator,
  door: Dialect,
  where: (c: Request) => Where = nowhere,
): TextDoor<Request> {
  return async function answerText(c, lifetime) {
    const trace = newTrace();
    try {
      const caller = await authenticator.caller(c);
      const read = await readJson(c);
      door.refuse?.(read.body);
      const place = where(c);
      const { text, body, wishes, asked } = readWishes(c, read, place.model);
      const reply = await runText(gateway, lifetime, {
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
      return { status: 200, headers: Object.assign(reply.headers, traceHeaders(trace)), body: reply.body };
    } catch (thrown) {
      return errorOf(thrown, trace, door);
    }
  };
}

/**
 * A request of a text door without what it says about who may answer, and the name it asks for.
 * @param model where the door has it outside of the body.
 */
export function readWishes(
  c: Asking,
  { text, body }: { text: string; body: JsonObject },
  model?: string,
): { text: string; body: JsonObject; wishes?: Wishes; asked: string } {
  const own = body.models !== undefined || body.route !== undefined;
  const wishes = takeWishes(c, body, model ?? body.model);
  const named = model ?? body.model;
  const asked = typeof named === 'string' && named !== '' ? named : (wishes?.models?.[0] ?? '');
  if (asked === '') throw new GatewayError('invalid_request', { message: 'model is required.', param: 'model' });
  if (!own && (model !== undefined || body.model === asked)) return { text, body, wishes, asked };
  const sent = model === undefined ? { ...body, model: asked } : body;
  return { text: JSON.stringify(sent), body: sent, wishes, asked };
}

/** The caller's headers that belong to its dialect, for an upstream that speaks it too. */
export function forwardedHeaders(c: Asking, door: Dialect): Record<string, string> | undefined {
  let headers: Record<string, string> | undefined;
  for (const name of door.forwardedHeaders ?? []) {
    const value = c.req.header(name);
    if (value !== undefined) headers = { ...headers, [name]: value };
  }
  return headers;
}
