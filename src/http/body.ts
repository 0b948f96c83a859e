import { GatewayError, isObject, type Json, type JsonObject } from '../contract/index.ts';
import type { Asking } from '../runtime/ports.ts';

/** The largest request we read. */
export const largestRequest = 64 * 1024 * 1024;

const held = new WeakMap<Asking, Uint8Array<ArrayBuffer>>();

/** The request's bytes, which whoever reads the body after this gets once more. */
export async function holdBody(c: Asking): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await readBytes(c);
  held.set(c, bytes);
  return bytes;
}

/** The request's bytes, counted while they arrive: a lying or missing content-length does not help. */
export async function readBytes(c: Asking, limit = largestRequest): Promise<Uint8Array<ArrayBuffer>> {
  const before = held.get(c);
  if (before) return before;
  if (isAnnounced(c, limit)) return new Uint8Array(await c.req.arrayBuffer().catch(left));
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of countedChunks(c, limit)) chunks.push(chunk);
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** The request's text, counted while it arrives. */
export async function readText(c: Asking, limit = largestRequest): Promise<string> {
  if (held.has(c)) return new TextDecoder().decode(held.get(c));
  if (isAnnounced(c, limit)) return c.req.text().catch(left);
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of countedChunks(c, limit)) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}

/** Whether the server itself holds the sender to its content-length. Refuses one that is too large. */
function isAnnounced(c: Asking, limit: number): boolean {
  const announced = c.req.header('content-length');
  if (Number(announced) > limit) throw tooLarge(limit);
  return announced !== undefined;
}

/** What is too large is left unread, not torn down: its sender is to see our answer. */
async function* countedChunks(c: Asking, limit: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = c.req.raw.body?.getReader();
  let seen = 0;
  while (reader) {
    const { value, done } = await reader.read().catch(left);
    if (done) return;
    seen += value.length;
    if (seen > limit) throw tooLarge(limit);
    yield value as Uint8Array<ArrayBuffer>;
  }
}

function left(cause: unknown): never {
  throw new GatewayError('request_canceled', { message: 'The client left before the end of its request.', cause });
}

/** The request as a JSON object, with its text. */
export async function readJson(c: Asking): Promise<{ text: string; body: JsonObject }> {
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
