import type { Context } from 'hono';
import type { KeptAnswer } from '../books/index.ts';
import { type Dialect, GatewayError, joinBytes } from '../contract/index.ts';
import { hexDigest } from '../gateway/digest.ts';
import type { Caller } from '../gateway/gateway.ts';
import { newId } from '../gateway/ids.ts';
import { errorAnswer } from './answer.ts';
import { holdBody } from './body.ts';
import type { Doors } from './generations.ts';
import type { Door } from './lazy.ts';

export type RetellArguments = [c: Context, caller: Caller, generationId: string];
export type Retell = (...given: RetellArguments) => Promise<Response>;

/** Milliseconds a repeated request waits for the first one's answer, and between two looks. */
const patience = 600_000;
const look = 100;
/** Milliseconds in which an answer follows the end of its work. */
const answerWithin = 5_000;
/** The largest answer that is kept; a larger one ends with an error for whoever repeats. */
const mostKept = 256 * 1024 * 1024;
const namePattern = /^[\x21-\x7e]{1,255}$/;

/**
 * A door whose requests run once for each `Idempotency-Key`: the same request again gets the same answer (`idempotent-replayed: true`),
 * while the first one runs it waits for it, another body under the same name is refused. A request that was refused before it began
 * anything may be sent again, and so may one whose answer says so. Kept for 24 hours.
 * @param dialect that of the door, for what is refused here.
 * @param retell writes the answer once more from the generation, where the process that had it is gone.
 */
export function idempotent(doors: Doors, door: Door, dialect?: Dialect, retell?: Retell): Door {
  return function answerOnce(c) {
    const name = c.req.header('idempotency-key');
    return name === undefined ? door(c) : once(doors, door, dialect, retell, c, name);
  };
}

async function once(
  doors: Doors,
  door: Door,
  dialect: Dialect | undefined,
  retell: Retell | undefined,
  c: Context,
  name: string,
): Promise<Response> {
  const { gateway } = doors;
  try {
    const caller = await doors.authenticator.caller(c);
    if (!namePattern.test(name)) {
      throw new GatewayError('invalid_request', {
        message: 'An Idempotency-Key has 1 to 255 printable characters without spaces.',
        param: 'idempotency-key',
      });
    }
    const fingerprint = await fingerprintOf(c);
    const until = gateway.clock.now() + patience;
    while (true) {
      const now = gateway.clock.now();
      const claim = await caller.book.claimRequest(caller.keyId, name, fingerprint, now);
      if (claim.state === 'new') return await run(doors, door, c, caller, name);
      if (claim.state === 'conflict') {
        throw new GatewayError('idempotency_conflict', {
          message: 'This Idempotency-Key was used with another request.',
          param: 'idempotency-key',
        });
      }
      if (claim.state === 'answered') return await replay(doors, claim);
      const generationId = 'generationId' in claim ? claim.generationId : undefined;
      const ended = generationId !== undefined && (await endedLongAgo(caller, generationId, now));
      if (ended && retell) return await retell(c, caller, generationId);
      if (ended || now >= until) throw inProgress(generationId, ended);
      await new Promise((resolve) => setTimeout(resolve, look));
    }
  } catch (thrown) {
    return errorAnswer(thrown, undefined, dialect);
  }
}

/** Method, path, the form that Gemini's `alt` asks for, and body; never the whole query, for a key may stand there. A form is compared without its boundary, which every client draws anew. */
async function fingerprintOf(c: Context): Promise<string> {
  const bytes = await holdBody(c);
  const boundary = /boundary="?([^";]+)/.exec(c.req.header('content-type') ?? '')?.[1];
  const alt = c.req.query('alt');
  const head = new TextEncoder().encode(`${c.req.method} ${c.req.path}${alt === undefined ? '' : `?alt=${alt}`}\n`);
  const body = boundary ? new TextEncoder().encode(latin1(bytes).replaceAll(boundary, '')) : bytes;
  return hexDigest(joinBytes([head, body]));
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes);
}

/** Runs the request and keeps its answer before the caller has its end. */
async function run(doors: Doors, door: Door, c: Context, caller: Caller, name: string): Promise<Response> {
  const { keyId, book } = caller;
  const answer = await door(c);
  // What was refused before it began, or came to nothing and may simply be sent again, is not kept. Work that goes on in the
  // background has no generation yet.
  const isOpen = answer.status >= 400 && answer.headers.get('x-should-retry') === 'true';
  const hasBegun = answer.ok || answer.headers.has('x-atelier-generation');
  if (isOpen || !hasBegun) {
    await book.forgetRequest(keyId, name);
    return answer;
  }
  if (!answer.body) {
    await keepAnswer(doors, caller, keyId, name, answer, new Uint8Array());
    return answer;
  }
  const [shown, kept] = answer.body.tee();
  const keeping = keepAnswer(doors, caller, keyId, name, answer, kept as unknown as AsyncIterable<Uint8Array>);
  doors.lifetimeOf(c).background(keeping);
  return new Response(shown, answer);
}

/** Keeps an answer for whoever asks again. @param owner whose record it is: the key, or the cache. */
export async function keepAnswer(
  { gateway }: Doors,
  caller: Caller,
  owner: string,
  name: string,
  answer: Response,
  body: AsyncIterable<Uint8Array> | Uint8Array,
): Promise<void> {
  const address = newId(`answer_${caller.tenant}_`, gateway.clock.now());
  await gateway.assets.write(address, body, mostKept);
  const headers = Object.fromEntries([...answer.headers].filter(([header]) => header !== 'content-length'));
  await caller.book.answerRequest(owner, name, { status: answer.status, headers, body: address });
}

async function replay({ gateway }: Doors, { answer }: { answer: KeptAnswer }): Promise<Response> {
  const stored = await gateway.assets.get(answer.body);
  if (!stored) throw new GatewayError('not_found', 'The answer to this request is not kept any more.');
  const headers = { ...answer.headers, 'idempotent-replayed': 'true' };
  return new Response(stored.size === 0 ? null : stored.body, { status: answer.status, headers });
}

/** True where the work has ended and its answer never came: the process that had it is gone. */
async function endedLongAgo(caller: Caller, generationId: string, now: number): Promise<boolean> {
  const record = await caller.book.generation(generationId, caller.keyId);
  return record?.completedAt !== undefined && now - record.completedAt > answerWithin;
}

function inProgress(generationId: string | undefined, ended: boolean): GatewayError {
  const where = generationId ? ` Its generation is ${generationId}.` : '';
  return new GatewayError('idempotency_in_progress', {
    message: `${ended ? 'The answer to the first request with this Idempotency-Key was lost.' : 'The first request with this Idempotency-Key is still running.'}${where}`,
    retryAfterMs: 2_000,
    ...(generationId ? { facts: { generation: generationId } } : {}),
  });
}
