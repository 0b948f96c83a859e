import { isObject, type Json, type JsonObject } from '../contract/index.ts';

const efforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'];

/** One sentence for each field of a request that a provider's row says it refuses, or that we fit to what it knows (`ours`). */
export function quirkWarnings(
  body: JsonObject,
  quirks: JsonObject | undefined,
  provider: string,
  ours = false,
): string[] {
  if (!quirks) return [];
  const drop = Array.isArray(quirks.drop) ? quirks.drop.map(String) : [];
  const asked = drop.filter((name) => body[name] !== undefined && body[name] !== null && body[name] !== false);
  const warnings = asked.map((name) => `"${name}" is not taken by ${provider} and was left out.`);
  const effort = ours ? nearestEffort(body, quirks) : undefined;
  if (effort !== undefined)
    warnings.push(`${provider} knows no reasoning effort "${body.reasoning_effort}": "${effort}" was asked for.`);
  return warnings;
}

/**
 * Renames and drops the fields that a provider's row declares; the same object where nothing is to be done.
 * @param ours true for a body that we wrote: its words for usage in a stream, effort and reasoning are ours to fit, where a caller's
 * own words pass.
 */
export function applyQuirks(body: JsonObject, quirks: JsonObject | undefined, ours = false): JsonObject {
  if (!quirks) return body;
  const drop = Array.isArray(quirks.drop) ? quirks.drop.map(String).filter((name) => name in body) : [];
  const rename = isObject(quirks.rename) ? Object.entries(quirks.rename).filter(([name]) => name in body) : [];
  const refused = quirks.no_stream_options === true || (ours && quirks.usage_unasked === true);
  const streamOptions = refused && 'stream_options' in body;
  const fitted = ours ? fitReasoning(body, quirks) : body;
  if (drop.length === 0 && rename.length === 0 && !streamOptions) return fitted;
  const result = { ...fitted };
  for (const [name, other] of rename) {
    result[String(other)] = result[name]!;
    delete result[name];
  }
  for (const name of drop) delete result[name];
  if (streamOptions) delete result.stream_options;
  return result;
}

/** Says effort and earlier reasoning in the words that the provider takes. */
function fitReasoning(body: JsonObject, quirks: JsonObject): JsonObject {
  const effort = nearestEffort(body, quirks);
  const field = quirks.reasoning_field;
  const messages = typeof field === 'string' && Array.isArray(body.messages) ? body.messages : undefined;
  if (effort === undefined && !messages) return body;
  return {
    ...body,
    ...(effort === undefined ? {} : { reasoning_effort: effort }),
    ...(messages ? { messages: messages.map((message) => renameReasoning(message, String(field))) } : {}),
  };
}

function renameReasoning(message: Json, field: string): Json {
  if (!isObject(message) || message.reasoning_content === undefined) return message;
  const { reasoning_content, ...rest } = message;
  return field === 'none' ? rest : { ...rest, [field]: reasoning_content };
}

/** The effort nearest to the one asked for that the provider knows, the greater of two; undefined where it knows that very one. */
function nearestEffort(body: JsonObject, quirks: JsonObject): string | undefined {
  const wish = efforts.indexOf(String(body.reasoning_effort));
  const known = Array.isArray(quirks.efforts) ? quirks.efforts.map(String) : [];
  if (wish < 0 || known.length === 0 || known.includes(efforts[wish]!)) return undefined;
  const distance = (effort: string) => Math.abs(efforts.indexOf(effort) - wish);
  return known.reduce((best, effort) => (distance(effort) <= distance(best) ? effort : best));
}
