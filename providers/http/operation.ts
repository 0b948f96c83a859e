import { type Call, GatewayError, isObject, type Json, type Operation, type Part } from '../../src/contract/index.ts';
import { type Answer, checkedAddress, garbage, isSafeId, mapCode, type Upstream } from './exchange.ts';
import { countOutputs, outputOfResponse, outputsOf } from './outputs.ts';
import { figureOf, findAll, findWord } from './pointer.ts';
import type { HttpStatus, HttpWay } from './row.ts';
import { isWholePlace, placesIn } from './template.ts';
import { usageOf } from './usage.ts';

/** What is kept of a job: which way it was started (by its `when`), the row's `ref` values, and what the caller is to be told. */
export type Ref = { way?: string; ids: Record<string, string>; warnings?: string[] };

type State = 'queued' | 'running' | 'succeeded' | 'failed' | 'canceled';

/** A job in neutral words. @param ref undefined for a way without jobs. */
export async function readOperation(
  upstream: Upstream,
  call: Call,
  way: HttpWay,
  answer: Answer,
  ref: Ref | undefined,
  warnings: string[] = [],
): Promise<Operation> {
  const { body, response } = answer;
  const kept = ref ? { ref: ref as unknown as Json } : {};
  const told = warnings.length > 0 ? { warnings } : {};
  if (response) {
    return finished(upstream, way, body, await outputOfResponse(upstream, call, response), { ...kept, ...told });
  }
  const { state, word } = stateOf(upstream, way, body, ref !== undefined);
  switch (state) {
    case 'queued':
    case 'running': {
      const fraction = progressOf(way, body);
      return {
        status: state === 'queued' ? 'queued' : 'in_progress',
        ref: ref as unknown as Json,
        ...(fraction === undefined ? {} : { fraction }),
        ...(way.poll?.every_ms === undefined ? {} : { pollAfterMs: way.poll.every_ms }),
      };
    }
    case 'succeeded':
      try {
        return finished(upstream, way, body, await outputsOf(upstream, call, way, body), { ...kept, ...told });
      } catch (thrown) {
        if (!(thrown instanceof GatewayError) || thrown.code !== 'invalid_output') throw thrown;
        // What is shown was made, and is paid for, even if it cannot be had.
        const usage = usageOf(way, body, countOutputs(way, body));
        return { status: 'failed', error: thrown, ...(usage ? { usage } : {}), ...kept };
      }
    default:
      return { ...ended(upstream, way, body, state, word), ...kept };
  }
}

/** Where a job stands. Without `status` an output tells that it is done. */
function stateOf({ id }: Upstream, way: HttpWay, body: Json | undefined, job: boolean): { state: State; word: string } {
  const { status } = way;
  const waiting = { state: 'queued', word: '' } as const;
  if (!status) return job && countOutputs(way, body) === 0 ? waiting : { state: 'succeeded', word: '' };
  const word = findWord(body, [status.pointer]);
  if (word === undefined && job) return { state: status.absent ?? 'queued', word: '' };
  const state = word === undefined ? undefined : states.find((one) => status[one]?.includes(word));
  if (state) return { state, word: word ?? '' };
  // An answer that names neither a state nor an output says that nothing was made.
  if (word === undefined && isObject(body) && countOutputs(way, body) === 0) return { state: 'succeeded', word: '' };
  throw garbage(
    id,
    word ?? '',
    word === undefined ? {} : { message: `${id} named an unknown status: ${word.slice(0, 40)}.` },
  );
}

const states: (State & keyof HttpStatus)[] = ['queued', 'running', 'succeeded', 'failed', 'canceled'];

function progressOf({ progress }: HttpWay, body: Json | undefined): number | undefined {
  const figure = progress && figureOf(findAll(body, progress.pointer)[0] ?? null);
  return figure === undefined ? undefined : Math.min(1, figure / (progress?.scale ?? 1));
}

type Kept = { ref?: Json; warnings?: string[] };

function finished({ id }: Upstream, way: HttpWay, body: Json | undefined, outputs: Part[], kept: Kept): Operation {
  const media = outputs.filter(({ type }) => type === 'asset').length;
  const usage = usageOf(way, body, media);
  if (outputs.length > 0)
    return { status: 'completed', outputs, usage: usage ?? { metered: [], source: 'body' }, ...kept };
  const known = usage?.source === 'body' ? usage : undefined;
  const error = new GatewayError('invalid_output', {
    message: `${id} delivered nothing.`,
    provider: id,
    failure: 'C',
    billing: known ? 'known' : 'unknown',
  });
  const { ref } = kept;
  return { status: 'failed', error, ...(known ? { usage: known } : {}), ...(ref === undefined ? {} : { ref }) };
}

/** A job that failed or was canceled, with what the vendor still bills, if it says so. */
function ended(
  { id, row }: Upstream,
  way: HttpWay,
  body: Json | undefined,
  state: 'failed' | 'canceled',
  word: string,
): Operation {
  const usage = usageOf(way, body, undefined);
  const message = findWord(body, row.error?.message);
  const code = findWord(body, row.error?.code);
  const otherwise = state === 'canceled' ? 'request_canceled' : 'provider_error';
  const words =
    message ?? code ?? (state === 'canceled' ? 'The job was canceled.' : 'The job failed without saying why.');
  const error = new GatewayError(mapCode(row.error, `${word} ${code ?? ''} ${message ?? ''}`) ?? otherwise, {
    message: `${id}: ${words.slice(0, 500)}`,
    provider: id,
    billing: usage ? 'known' : 'unknown',
    raw: { status: word, ...(code === undefined ? {} : { code }), ...(message === undefined ? {} : { message }) },
  });
  return { status: state, error, ...(usage ? { usage } : {}) };
}

/** What to keep of the answer to a submit. An id that cannot be asked by is an answer of no use, though the job may run. */
export function writeRef(
  { id, row }: Upstream,
  call: Call,
  way: HttpWay,
  body: Json | undefined,
  warnings: string[],
): Ref {
  const ids: Record<string, string> = {};
  for (const [name, pointer] of Object.entries(way.ref ?? {})) {
    const value = findWord(body, [pointer]);
    if (value === undefined && !neededIds(way).includes(name)) continue;
    if (value === undefined) throw garbage(id, 'x', { message: `${id} took the job without naming it.` });
    checkId(id, row, call.baseUrl, way, name, value);
    ids[name] = value;
  }
  return { ...(way.when ? { way: way.when } : {}), ids, ...(warnings.length > 0 ? { warnings } : {}) };
}

/** A kept reference again, with its ids checked as when they came. */
export function readRef(
  { id, row }: Upstream,
  call: Call,
  ways: readonly HttpWay[],
  ref: Json,
): { way: HttpWay; ref: Ref } {
  const found = isObject(ref) && isObject(ref.ids) ? (ref as unknown as Ref) : undefined;
  const way = found && ways.find(({ when }) => when === found.way);
  if (!way || !found) throw new GatewayError('internal_error', `The reference of a job of ${id} does not fit its row.`);
  for (const [name, value] of Object.entries(found.ids)) checkId(id, row, call.baseUrl, way, name, String(value));
  return { way, ref: found };
}

function callsOf(way: HttpWay) {
  return [way.poll ?? [], way.cancel ?? []].flat();
}

function neededIds(way: HttpWay): string[] {
  const places = placesIn((way.poll ?? null) as Json);
  return places.filter((name) => name.startsWith('ref.')).map((name) => name.slice(4));
}

function checkId(id: string, row: Upstream['row'], baseUrl: string, way: HttpWay, name: string, value: string): void {
  const asAddress = callsOf(way).some(({ path }) => isWholePlace(path) && placesIn(path).includes(`ref.${name}`));
  if (asAddress) checkedAddress(id, row, baseUrl, value);
  else if (!isSafeId(value))
    throw garbage(id, value, { message: `${id} named a job in a way that cannot be asked by.` });
}
