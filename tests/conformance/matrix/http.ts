import type { Json } from '../../../src/contract/index.ts';
import type { World } from './world.ts';

export type Answer = { status: number; headers: Headers; text: string; body: Json };
export type Sending = { headers?: Record<string, string>; body?: unknown; key?: string | null };

/** Plain HTTP to a world's gateway, for what no SDK can say. `key: null` sends no Authorization. */
export function httpOf(world: () => World) {
  return async function send(door: string, { headers, body, key }: Sending = {}): Promise<Answer> {
    const [method = 'GET', path = ''] = door.split(' ');
    const { gateway } = world();
    const answer = await fetch(gateway.url + path, {
      method,
      headers: { ...(key === null ? {} : { authorization: `Bearer ${key ?? gateway.appKey}` }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const json = text.startsWith('{') || text.startsWith('[');
    return { status: answer.status, headers: answer.headers, text, body: json ? (JSON.parse(text) as Json) : null };
  };
}

/** Asks again until it holds; the last failure is thrown after five seconds. */
export async function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await check();
    } catch (thrown) {
      if (tries === 250) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
