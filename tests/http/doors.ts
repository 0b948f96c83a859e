import { at, type Json, stringAt } from '../../src/contract/index.ts';
import type { RunningGateway } from '../support/gateway.ts';

export { pico } from '../support/money.ts';

export type Answer = { status: number; headers: Headers; text: string; body: Json };

/** One way in, with the model behind it: straight where door and provider speak the same dialect, crossed elsewhere. */
export type Lane = {
  name: string;
  path: string;
  model: string;
  /** A valid request for this text. */
  write(text: string, more?: Record<string, Json>): Record<string, Json>;
  /** The stable code where this dialect's envelope keeps it; undefined when the envelope is not this dialect's. */
  codeOf(body: Json): string | undefined;
};

const openaiCode = (body: Json) =>
  typeof at(body, 'error', 'message') === 'string' && typeof at(body, 'error', 'type') === 'string'
    ? stringAt(body, 'error', 'code')
    : undefined;
const anthropicCode = (body: Json) => (at(body, 'type') === 'error' ? openaiCode(body) : undefined);

const generations = (model: string): Lane => ({
  name: `generations → ${model}`,
  path: '/v1/generations',
  model,
  write: (text, more = {}) => ({ model, modality: 'text', input: text, ...more }),
  codeOf: (body) => (typeof at(body, 'error', 'retryable') === 'boolean' ? openaiCode(body) : undefined),
});
const chat = (model: string): Lane => ({
  name: `chat → ${model}`,
  path: '/v1/chat/completions',
  model,
  write: (text, more = {}) => ({ model, messages: [{ role: 'user', content: text }], ...more }),
  codeOf: openaiCode,
});
const messages = (model: string): Lane => ({
  name: `messages → ${model}`,
  path: '/v1/messages',
  model,
  write: (text, more = {}) => ({ model, max_tokens: 200, messages: [{ role: 'user', content: text }], ...more }),
  codeOf: anthropicCode,
});

export const lanes: Lane[] = [
  generations('openai/gpt-5.5'),
  chat('openai/gpt-5.5'),
  chat('anthropic/claude-sonnet-5'),
  messages('anthropic/claude-sonnet-5'),
  messages('openai/gpt-5.5'),
];
/** One lane per door. */
export const doors: Lane[] = [lanes[0]!, lanes[1]!, lanes[3]!];

export type Sending = { method?: string; headers?: Record<string, string>; key?: string; body?: BodyInit };

/** Speaks to a running gateway as an app would. */
export function clientOf(gateway: () => RunningGateway) {
  const send = async (path: string, sending: Sending = {}): Promise<Answer> => {
    const key = sending.key ?? gateway().appKey;
    const answer = await fetch(gateway().url + path, {
      method: sending.method ?? (sending.body === undefined ? 'GET' : 'POST'),
      headers: {
        ...(key ? { authorization: `Bearer ${key}` } : {}),
        'content-type': 'application/json',
        ...sending.headers,
      },
      body: sending.body,
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, body: parsed(text) };
  };
  const post = (path: string, body: unknown, more: Sending = {}) =>
    send(path, { ...more, body: typeof body === 'string' ? body : JSON.stringify(body) });
  /** The newest generation of the app's key, as the list shows it. */
  const newest = async (): Promise<Json> => at((await send('/v1/generations?limit=1')).body, 'data', 0) ?? null;
  const spent = async (): Promise<string> =>
    stringAt((await send('/v1/spend?simulated=include')).body, 'total_usd') ?? 'no total';
  /** The generation once it is no longer running: what a client that left cannot wait for. */
  const settled = async (id: string): Promise<Json> => {
    for (let tries = 0; tries < 200; tries++) {
      const { body } = await send(`/v1/generations/${id}`);
      if (at(body, 'completed_at')) return body;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`${id} was never settled.`);
  };
  return { send, post, newest, spent, settled };
}

export function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}

/** The data of each frame of an event stream; `[DONE]` as text. */
export function framesOf(text: string): Json[] {
  return text
    .split(/\r?\n\r?\n/)
    .flatMap((frame) => frame.split(/\r?\n/).filter((line) => line.startsWith('data:')))
    .map((line) => line.slice(5).trim())
    .map((data) => (data === '[DONE]' ? data : parsed(data)));
}
