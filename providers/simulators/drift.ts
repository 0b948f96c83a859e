import type { Fetch, Json } from '../../src/contract/index.ts';
import { isObject } from '../../src/contract/index.ts';
import { keyHeaders } from './limits.ts';
import { type MediaShelf, originMark, readBody, type Tape } from './tape.ts';

/** One way in which a simulator, or a description, does not say what was recorded. */
export type Drift = { call: string; fingerprint: string; what: string };

/** Checks the JSON of an answer against the vendor's description: undefined where it is valid or nothing is known. */
export type SchemaCheck = (tape: Tape, body: unknown) => Promise<string | undefined>;

/**
 * Sends what was recorded to a simulator and compares the two answers: status, content type, names of events, and the shape of the JSON (which
 * fields, of which types). Values may differ. With `check` the recorded answer and the simulator's are also held against the description.
 */
export async function driftOf(tape: Tape, simulate: Fetch, shelf: MediaShelf, check?: SchemaCheck): Promise<Drift[]> {
  const { request, answer, provider, fingerprint } = tape;
  const call = `${provider} ${request.method} ${request.path}`;
  const found: Drift[] = [];
  const add = (what: string) => void found.push({ call, fingerprint, what });
  const fill = (text: string) => text.replaceAll(originMark, `https://${provider}.simulator.invalid`);
  const body = await readBody(request.body, shelf, fill);
  const simulated = await simulate(`https://${provider}.simulator.invalid${request.path}`, {
    method: request.method,
    headers: {
      ...request.headers,
      ...keys,
    },
    ...(body.length > 0 ? { body: body as BodyInit } : {}),
  });
  const theirs = new Uint8Array(await simulated.arrayBuffer());
  if (simulated.status !== answer.status) add(`status: recorded ${answer.status}, simulated ${simulated.status}`);
  const [kind, ownKind] = [typeOf(answer.headers['content-type']), typeOf(simulated.headers.get('content-type'))];
  if (kind !== ownKind) add(`content-type: recorded ${kind}, simulated ${ownKind}`);
  const recorded = readShape(await readBody(answer.body, shelf, fill));
  const own = readShape(theirs);
  if (recorded && own) {
    for (const [path, types] of recorded.shape) {
      const other = own.shape.get(path);
      if (!other) add(`${path}: recorded ${[...types].join('|')}, not simulated`);
      else if (![...types].some((type) => other.has(type))) {
        add(`${path}: recorded ${[...types].join('|')}, simulated ${[...other].join('|')}`);
      }
    }
    for (const path of own.shape.keys()) if (!recorded.shape.has(path)) add(`${path}: simulated, not recorded`);
  }
  if (check) {
    for (const [whose, side] of [
      ['recorded', recorded],
      ['simulated', own],
    ] as const) {
      const wrong = side?.whole === undefined ? undefined : await check(tape, side.whole);
      if (wrong) add(`${whose} answer against the description: ${wrong}`);
    }
  }
  return found;
}

/** Whichever of them the vendor wants. */
const keys = Object.fromEntries(
  keyHeaders.map((name) => [name, name === 'authorization' ? 'Bearer simulated' : 'simulated']),
);

const typeOf = (text: string | null | undefined) => (text ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

type Shape = Map<string, Set<string>>;

/** The fields and types of a JSON body, or of all events of a stream by their names. `whole` is the body, where it is one. */
function readShape(bytes: Uint8Array): { shape: Shape; whole?: unknown } | undefined {
  const text = new TextDecoder().decode(bytes);
  const shape: Shape = new Map();
  try {
    const whole = JSON.parse(text) as Json;
    walk(whole, '', shape);
    return { shape, whole };
  } catch {
    if (!/^(data|event):/m.test(text)) return undefined;
  }
  for (const frame of text.split(/\r?\n\r?\n/)) {
    const data = /^data: ?(.*)$/m.exec(frame)?.[1];
    if (data === undefined) continue;
    try {
      const value = JSON.parse(data) as Json;
      const name =
        /^event: ?(.*)$/m.exec(frame)?.[1] ?? (isObject(value) && typeof value.type === 'string' ? value.type : '');
      walk(value, `(${name})`, shape);
    } catch {
      shape.set(`(${data})`, new Set(['text']));
    }
  }
  return { shape };
}

function walk(value: Json, path: string, shape: Shape): void {
  const type = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
  const types = shape.get(path || '/') ?? new Set<string>();
  types.add(type);
  shape.set(path || '/', types);
  if (Array.isArray(value)) for (const one of value) walk(one, `${path}/*`, shape);
  else if (isObject(value))
    for (const [name, child] of Object.entries(value)) walk(child as Json, `${path}/${name}`, shape);
}
