import type { Json, JsonObject } from '../../../src/contract/index.ts';
import { isObject } from '../../../src/contract/index.ts';
import { withBody } from './frames.ts';

const usageNames = new Set(['usage', 'usageMetadata', 'x_groq', 'amazon-bedrock-invocationMetrics']);
const mediaNames = new Set([
  'b64_json',
  'data',
  'image',
  'images',
  'base64',
  'audio_base64',
  'bytesBase64Encoded',
  'artifacts',
]);
/** Characters above which a string in one of those fields is media. */
const mediaLength = 64;

/** One event, or a whole JSON body, without usage. An event that held nothing else is left out. */
export function withoutUsage(frame: string): string | undefined {
  return edited(frame, (value) => {
    const bare = removed(value);
    const empty = isObject(bare) && Array.isArray(bare.choices) && bare.choices.length === 0;
    return empty ? undefined : bare;
  });
}

/** The event, and once more what it says of usage, every number `factor` times as large. */
export function withUsageAgain(frame: string, factor: number): (string | undefined)[] {
  if (!/^data:/m.test(frame)) return [frame];
  let found = false;
  const again = edited(frame, (value) => {
    if (!holdsUsage(value)) return undefined;
    found = true;
    const copy = scaled(value, factor, false);
    // Text is not said twice.
    if (isObject(copy)) delete copy.candidates;
    return copy;
  });
  return found ? [frame, again] : [frame];
}

/** An answer whose media is nothing, or bytes that no decoder takes. */
export async function spoilMedia(answer: Response, empty: boolean): Promise<Response> {
  const type = answer.headers.get('content-type') ?? '';
  if (!/json/.test(type)) {
    await answer.body?.cancel();
    return withBody(answer, empty ? '' : 'this is no picture and no sound');
  }
  const value = (await answer.json()) as Json;
  return withBody(answer, JSON.stringify(spoiled(value, empty ? '' : btoa('this is no picture and no sound'))));
}

function spoiled(value: Json, instead: string, media = false): Json {
  if (typeof value === 'string')
    return media && value.length > mediaLength && !/^https?:/.test(value) ? instead : value;
  if (Array.isArray(value)) return value.map((one) => spoiled(one, instead, media));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, child]) => [name, spoiled(child as Json, instead, mediaNames.has(name))]),
  );
}

/** The frame with its JSON changed; undefined from `change` drops it. What is no JSON stays as it is. */
function edited(frame: string, change: (value: Json) => Json | undefined): string | undefined {
  const data = /^data: ?(.*)$/m.exec(frame);
  const text = data ? (data[1] ?? '') : frame;
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return frame;
  }
  const changed = change(value);
  if (changed === undefined) return undefined;
  const written = JSON.stringify(changed);
  return data ? frame.replace(data[0], () => `data: ${written}`) : written;
}

function removed(value: Json): Json {
  if (Array.isArray(value)) return value.map(removed);
  if (!isObject(value)) return value;
  const copy: JsonObject = {};
  for (const [name, child] of Object.entries(value)) {
    if (!usageNames.has(name)) copy[name] = removed(child as Json);
  }
  return copy;
}

function holdsUsage(value: Json): boolean {
  if (Array.isArray(value)) return value.some(holdsUsage);
  if (!isObject(value)) return false;
  return Object.entries(value).some(
    ([name, child]) => (usageNames.has(name) && isObject(child)) || holdsUsage(child as Json),
  );
}

function scaled(value: Json, factor: number, inside: boolean): Json {
  if (typeof value === 'number') return inside ? Math.floor(value * factor) : value;
  if (Array.isArray(value)) return value.map((one) => scaled(one, factor, inside));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, child]) => [name, scaled(child as Json, factor, inside || usageNames.has(name))]),
  );
}
