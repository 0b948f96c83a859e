import type { Context } from 'hono';
import { GatewayError, isObject, type Json, type JsonObject } from '../contract/index.ts';

/** The largest request we read. */
export const largestRequest = 64 * 1024 * 1024;

/** The request's text, counted while it arrives: a lying or missing content-length does not help. */
export async function readText(c: Context, limit = largestRequest): Promise<string> {
  const announced = c.req.header('content-length');
  if (announced !== undefined) {
    if (Number(announced) > limit) throw tooLarge(limit);
    return c.req.text();
  }
  const stream = c.req.raw.body;
  if (!stream) return '';
  const decoder = new TextDecoder();
  let text = '';
  let seen = 0;
  for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) {
    seen += chunk.length;
    if (seen > limit) throw tooLarge(limit);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** The request as a JSON object, with its text. */
export async function readJson(c: Context): Promise<{ text: string; body: JsonObject }> {
  const text = await readText(c);
  let body: Json;
  try {
    body = JSON.parse(text) as Json;
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message.replace(/, "[\s\S]*$/, '') : '';
    throw new GatewayError('invalid_json', `The body is not JSON: ${reason || 'it is empty'}.`);
  }
  if (!isObject(body)) throw new GatewayError('invalid_json', 'The body must be a JSON object.');
  return { text, body };
}

export function tooLarge(limit: number): GatewayError {
  return new GatewayError('payload_too_large', `The request is larger than ${Math.round(limit / 1024 / 1024)} MB.`);
}
