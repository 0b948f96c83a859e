import { isObject, type JsonObject } from '../../src/contract/index.ts';

/** Whether it was sent over this machine's own network: then what it makes is fetched the same way. */
export function loopback(request: Request): boolean {
  const { protocol, hostname } = new URL(request.url);
  return protocol === 'http:' && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

/** The body of a request; undefined where it is no JSON object. */
export async function readJson(request: Request): Promise<JsonObject | undefined> {
  const body = parse(await request.text());
  return isObject(body) ? body : undefined;
}

/** JSON; undefined where the text is none. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function json(body: unknown, status = 200): Response {
  return Response.json(body, { status });
}
