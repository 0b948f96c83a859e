import { type Call, errorOfThrow, type Json } from '../../src/contract/index.ts';
import { asFree, refuseAborted } from './outcome.ts';

/** `paid` work is of unknown outcome when its answer is lost; anything else may simply be asked again. */
export type Question = {
  method: 'GET' | 'POST' | 'PUT';
  url: string;
  headers: Record<string, string>;
  body?: Json;
  paid: boolean;
};

/** What came back: `body` is the parsed JSON, or its text where it is none (empty: undefined). */
export type Answered = { status: number; headers: Headers; body: Json | undefined };

/**
 * One exchange with a JSON API, sent exactly once, redirects not followed.
 * Any status is an answer; a connection that breaks throws, as `provider_unavailable` where nothing paid was asked for.
 */
export async function askOnce(provider: string, call: Call, question: Question): Promise<Answered> {
  const { signal } = call;
  refuseAborted(provider, signal);
  const { method, url, headers, body } = question;
  try {
    const response = await call.fetch(url, {
      method,
      headers: { accept: 'application/json', ...(body === undefined ? {} : jsonBody), ...headers },
      redirect: 'manual',
      signal,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, body: parse(await response.text()) };
  } catch (thrown) {
    const error = errorOfThrow(provider, thrown, signal);
    throw question.paid ? error : asFree(error);
  }
}

const jsonBody = { 'content-type': 'application/json' };

function parse(text: string): Json | undefined {
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text.slice(0, 2000);
  }
}
