import { isObject, type JsonObject } from '../contract/index.ts';
import { applyQuirks } from './quirks.ts';

/** A straight request ready to send, and whether its usage frame is ours to hide. */
export type Rewritten = { text: string; hideUsage: boolean };

/**
 * Makes the few edits a straight request may need, on its text: the model's name, usage reporting in a stream, and
 * what the provider's row declares about fields it cannot take. Everything else passes as it came.
 */
export function rewriteRequest(
  call: { text: string; body: JsonObject; asked: string; stream: boolean; door: { name: string } },
  upstreamModel: string,
  quirks: JsonObject | undefined,
): Rewritten {
  const unasked = quirks?.no_stream_options === true || quirks?.usage_unasked === true;
  const wantsUsage = call.door.name === 'openai-chat' && call.stream && !unasked;
  const options = call.body.stream_options;
  const asksUsage = isObject(options) && options.include_usage === true;
  const addUsage = wantsUsage && !asksUsage;
  const named = 'model' in call.body;

  const fitted = applyQuirks(call.body, quirks);
  if (fitted !== call.body || (addUsage && options !== undefined)) {
    const body: JsonObject = { ...fitted, ...(named ? { model: upstreamModel } : {}) };
    if (addUsage) body.stream_options = { ...(isObject(options) ? options : {}), include_usage: true };
    return { text: JSON.stringify(body), hideUsage: addUsage };
  }

  let text = call.text;
  if (named && call.asked !== upstreamModel) text = renameModel(text, call.body, call.asked, upstreamModel);
  if (addUsage) {
    const end = text.lastIndexOf('}');
    text = `${text.slice(0, end)},"stream_options":{"include_usage":true}}`;
  }
  return { text, hideUsage: addUsage };
}

/** Replaces the model's name where it stands; re-serialises only when it stands in more than one place. */
function renameModel(text: string, body: JsonObject, asked: string, upstreamModel: string): string {
  const start = onlyPlaceOf(text, asked);
  if (start !== undefined) return text.slice(0, start) + writtenIn(upstreamModel) + text.slice(start + asked.length);
  const pattern = /"model"\s*:\s*"((?:[^"\\]|\\.)*)"/g;
  const first = pattern.exec(text);
  if (!first || pattern.exec(text) || first[1] !== asked) return JSON.stringify({ ...body, model: upstreamModel });
  const place = first.index + first[0].length - asked.length - 1;
  return text.slice(0, place) + writtenIn(upstreamModel) + text.slice(place + asked.length);
}

const keyOfModel = '"model"';
const valueStart = /\s*:\s*"/y;

/** Where the name stands in a text that says "model" once, before this name as it is: the usual one, found without looking at the rest. */
function onlyPlaceOf(text: string, asked: string): number | undefined {
  const key = text.indexOf(keyOfModel);
  if (key < 0 || text.includes(keyOfModel, key + 1) || asked.includes('\\') || asked.includes('"')) return undefined;
  valueStart.lastIndex = key + keyOfModel.length;
  if (!valueStart.test(text)) return undefined;
  const start = valueStart.lastIndex;
  return text.startsWith(asked, start) && text[start + asked.length] === '"' ? start : undefined;
}

function writtenIn(name: string): string {
  return JSON.stringify(name).slice(1, -1);
}
