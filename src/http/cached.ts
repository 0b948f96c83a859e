import type { Context } from 'hono';
import type { GenerationRecord } from '../books/index.ts';
import { type Dialect, GatewayError, type Receipt } from '../contract/index.ts';
import { hexDigest } from '../gateway/digest.ts';
import type { Caller, Gateway } from '../gateway/gateway.ts';
import { newId } from '../gateway/ids.ts';
import { receiptOf } from '../gateway/view.ts';
import { writeUsd } from '../meter/money.ts';
import { aboutOf } from './about.ts';
import { errorAnswer } from './answer.ts';
import { holdBody } from './body.ts';
import type { Doors } from './generations.ts';
import { keepAnswer } from './idempotent.ts';
import type { Door } from './lazy.ts';

/** Whose records they are in the book: no key is called so. */
const owner = 'cache';
/** Seconds that an answer may be asked to live: a month. */
const longestLife = 2_592_000;
/** Milliseconds that an equal request waits for one under way, and between two looks. */
const patience = 600_000;
const look = 50;

/**
 * A door that answers equal requests of a tenant from its cache, for callers that ask for it: `x-atelier-cache: <seconds>` gives the
 * age up to which an answer is good. Equal means the same path, body and headers that change an answer, to the byte of the JSON's
 * content. A request that is equal to one under way waits for its answer (one provider call). Work that draws anew each time (an image,
 * a song) is only cached with a `seed`. What failed after its answer had begun, or was deleted, is not served again. A hit costs nothing;
 * what it saved is in the book and in `x-atelier-avoided-usd`.
 * @param dialect that of the door, for what is refused here.
 */
export function cached(doors: Doors, door: Door, dialect?: Dialect): Door {
  return function answerCached(c) {
    const life = c.req.header('x-atelier-cache');
    return life === undefined ? door(c) : lookUp(doors, door, dialect, c, life);
  };
}

async function lookUp(
  doors: Doors,
  door: Door,
  dialect: Dialect | undefined,
  c: Context,
  life: string,
): Promise<Response> {
  const { gateway } = doors;
  try {
    const seconds = Number(life);
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > longestLife) {
      throw new GatewayError('invalid_request', {
        message: `x-atelier-cache is a whole number of seconds from 1 to ${longestLife}.`,
        param: 'x-atelier-cache',
      });
    }
    const caller = await doors.authenticator.caller(c);
    const name = await nameOf(c, gateway);
    if (name === undefined) return told(await door(c), 'bypass');
    const until = gateway.clock.now() + patience;
    while (true) {
      const now = gateway.clock.now();
      const claim = await caller.book.claimRequest(owner, name, name, now, seconds * 1000);
      if (claim.state === 'new') return await miss(doors, door, c, caller, name);
      if (claim.state === 'answered') {
        const { headers, body } = claim.answer;
        const first = await caller.book.generation(String(headers['x-atelier-generation']));
        const stored = first && isGood(first) ? await gateway.assets.get(body) : undefined;
        if (first && stored) return await hit(doors, c, caller, first, headers, stored.body);
        await caller.book.forgetRequest(owner, name);
        await gateway.assets.remove(body);
        continue;
      }
      if (now >= until) return told(await door(c), 'bypass');
      await new Promise((resolve) => setTimeout(resolve, look));
    }
  } catch (thrown) {
    return errorAnswer(thrown, undefined, dialect);
  }
}

/** A video is answered while it is made: such an answer is good unless its work has failed. */
function isGood({ status }: GenerationRecord): boolean {
  return status !== 'failed' && status !== 'canceled';
}

/** What changes an answer beside path and body. Never the whole query: a key may stand there. */
const besides = [
  ...['anthropic-version', 'anthropic-beta', 'openai-beta'],
  ...['x-atelier-models', 'x-atelier-route', 'x-atelier-strict'],
];

/** What makes a request equal to another; undefined where none is. */
async function nameOf(c: Context, gateway: Gateway): Promise<string | undefined> {
  const bytes = await holdBody(c);
  const text = new TextDecoder().decode(bytes);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof body !== 'object' || body === null) return undefined;
  const asked = body as Record<string, unknown>;
  const drawsAnew =
    /^\/v1\/(images|videos)/.test(c.req.path) ||
    isDrawn(asked.modality ?? gateway.directory.find(String(asked.model))?.modality);
  if (asked.webhook !== undefined || (drawsAnew && asked.seed === undefined)) return undefined;
  const beside = [...besides.map((name) => c.req.header(name)), c.req.query('alt')];
  return hexDigest(`${c.req.path}\n${JSON.stringify(beside)}\n${JSON.stringify(sorted(body))}`);
}

function isDrawn(modality: unknown): boolean {
  return ['image', 'music', 'sound_effect', 'video', 'model3d'].includes(String(modality));
}

/** The same value with its keys in order: how a client happens to write them does not matter. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, one]) => [name, sorted(one)]),
  );
}

async function miss(doors: Doors, door: Door, c: Context, caller: Caller, name: string): Promise<Response> {
  let answer: Response;
  try {
    answer = await door(c);
  } catch (thrown) {
    await caller.book.forgetRequest(owner, name);
    throw thrown;
  }
  if (answer.status !== 200 || !answer.body || !answer.headers.has('x-atelier-generation')) {
    await caller.book.forgetRequest(owner, name);
    return told(answer, 'bypass');
  }
  const [shown, kept] = answer.body.tee();
  const keeping = keepAnswer(doors, caller, owner, name, answer, kept as unknown as AsyncIterable<Uint8Array>).catch(
    () => caller.book.forgetRequest(owner, name),
  );
  doors.lifetimeOf(c).background(keeping);
  return told(new Response(shown, answer), 'miss');
}

/** Answers from the store and books the hit: an attempt that was never sent, with what it saved of the first one. */
async function hit(
  doors: Doors,
  c: Context,
  caller: Caller,
  first: GenerationRecord,
  headers: Record<string, string>,
  body: ReadableStream<Uint8Array>,
): Promise<Response> {
  const { gateway } = doors;
  const { provider, model } = first.attempts.at(-1)!;
  const at = gateway.clock.now();
  const generationId = newId('gen_', at);
  const avoided = receiptOf(first.attempts)?.total;
  const receipt: Receipt = {
    lines: [],
    total: 0n,
    status: 'free',
    basis: 'gateway_cache_hit',
    catalogue: gateway.catalogue.hash,
  };
  const about = await aboutOf(c, caller, {});
  const attempt = {
    id: `${generationId}.1`,
    generationId,
    keyId: caller.keyId,
    modality: first.modality,
    provider,
    model,
    simulated: first.simulated,
    at,
    project: caller.project,
    endUser: about?.endUser,
    workflow: about?.workflow,
    parent: about?.parent ?? first.id,
    tags: about?.tags,
  };
  const settlement = {
    attemptId: attempt.id,
    at,
    outcome: 'succeeded',
    receipt,
    charge: 0n,
    ...(avoided === undefined ? {} : { avoided }),
  };
  const alive = await caller.book.hit(attempt, first.model, settlement);
  if (!alive) throw new GatewayError('invalid_api_key', 'The API key is not valid.');
  return new Response(body, {
    status: 200,
    headers: {
      ...headers,
      'x-atelier-cache': 'hit',
      'x-atelier-generation': generationId,
      'x-atelier-cost-usd': '0',
      'x-atelier-cost-status': 'free',
      ...(avoided === undefined ? {} : { 'x-atelier-avoided-usd': writeUsd(avoided) }),
    },
  });
}

function told(answer: Response, word: 'miss' | 'bypass'): Response {
  answer.headers.set('x-atelier-cache', word);
  return answer;
}
