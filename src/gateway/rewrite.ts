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
  const pattern = /"model"\s*:\s*"((?:[^"\\]|\\.)*)"/g;
  const first = pattern.exec(text);
  if (!first || pattern.exec(text) || first[1] !== asked) return JSON.stringify({ ...body, model: upstreamModel });
  const start = first.index + first[0].length - asked.length - 1;
  return text.slice(0, start) + JSON.stringify(upstreamModel).slice(1, -1) + text.slice(start + asked.length);
}
