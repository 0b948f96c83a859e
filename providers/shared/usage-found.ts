import { at, isObject, type Json, type JsonObject, type Observed, stringAt } from '../../src/contract/index.ts';
import { spelled } from './usage-spelling.ts';

/** Where answers keep their figures. */
const names = ['usage', 'usageMetadata', 'usage_metadata', 'usage_info', 'meta', 'metrics'];
/** What answers, events and chunks wrap around them. */
const wrappers = ['response', 'body', 'result', 'message', 'delta', 'payload', 'data', 'x_groq'];
/** Those of them that hold the whole answer: of an event, an operation, a line of a batch. */
const envelopes = ['response', 'body', 'result'];
/** What SDKs and APIs wrap around the parameters of a request. */
const requestWrappers = ['input', 'parameters', 'generationConfig', 'config', 'extra_body'];

/**
 * An observation in the form that readers know: the figures themselves, whether they were handed over bare, inside a whole answer, in an
 * event or as the list of a stream's events, in whatever spelling; the answer without its wrapping; the request's parameters side by side.
 */
export function plainObserved(observed: Observed): Observed {
  const { usage: given, response, request, ...rest } = observed;
  const inside = found(given);
  const usage = inside ?? (Array.isArray(given) ? undefined : given) ?? found(response);
  const answer = answerOf(response ?? (inside === undefined ? undefined : given));
  const asked = isObject(request) ? flat(request) : request;
  return {
    ...rest,
    ...(usage === undefined ? {} : { usage: spelled(usage, observed.modality) }),
    ...(asked === undefined ? {} : { request: asked }),
    ...(answer === undefined ? {} : { response: answer }),
  };
}

/** The figures inside an answer; of a list all of them, the later ones before the earlier: streams count up. */
function found(value: Json | undefined): JsonObject | undefined {
  if (Array.isArray(value)) {
    const parts = value.map((each) => found(each) ?? bare(each)).filter(isObject);
    return parts.length > 0 ? parts.reduce(later) : undefined;
  }
  if (!isObject(value)) return undefined;
  const { message_start: start, message_delta: end } = value;
  if (isObject(start) && isObject(end)) return later(found(start) ?? start, found(end) ?? end);
  for (const name of names) {
    const own = value[name];
    if (isObject(own) && Object.keys(own).length > 0) return own;
  }
  for (const name of wrappers) {
    const own = isObject(value[name]) ? found(value[name]) : undefined;
    if (own) return own;
  }
  return undefined;
}

/** An entry of a list that is a usage object itself. */
function bare(value: Json): JsonObject | undefined {
  if (!isObject(value)) return undefined;
  return Object.entries(value).some(([name, own]) => typeof own === 'number' && /tokens|token_?count/i.test(name))
    ? value
    : undefined;
}

/** What the later one does not tell stays as the earlier one told it. */
function later(one: JsonObject, other: JsonObject): JsonObject {
  return { ...one, ...Object.fromEntries(Object.entries(other).filter(([, value]) => value !== null)) };
}

/** The answer itself, out of its last event or its chunks; an operation beside its result. */
function answerOf(value: Json | undefined): Json | undefined {
  if (Array.isArray(value)) {
    const parts = value.map(answerOf).filter(isObject);
    const candidates = parts.flatMap((part) => (Array.isArray(part.candidates) ? part.candidates : []));
    return { ...parts.reduce(later, {}), ...(candidates.length > 0 ? { candidates } : {}) };
  }
  if (!isObject(value)) return value;
  const inner = envelopes.map((name) => value[name]).find(isObject);
  if (inner) return { ...value, ...(answerOf(inner) as JsonObject) };
  return stringAt(value, 'type') === 'message_start' ? (at(value, 'message') ?? value) : value;
}

function flat(request: JsonObject): JsonObject {
  const inner = requestWrappers.map((name) => request[name]).filter(isObject);
  return inner.length === 0 ? request : Object.assign({}, ...inner.reverse(), request);
}
