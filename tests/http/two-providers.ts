import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { at, type Json, type JsonObject, stringAt } from '../../src/contract/index.ts';
import { startGateway } from '../support/gateway.ts';
import { clientOf, framesOf, parsed } from './doors.ts';
import { type Call, plainAnswer, startUpstream } from './upstream.ts';

export const primary = 'openai/gpt-5.5';
export const fallback = 'mistral/mistral-large-2512';

/** The answer of both: sixty words, one a token. */
export const words = Array.from({ length: 60 }, (_, place) => `word${place + 1} `);
export const whole = words.join('');

export type Script = (call: Call, body: Json) => void | Promise<void>;

const head = (model: string) => ({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model });

/** Pieces of a chat stream as one server sends them. */
export function pieces(model: string) {
  const frame = (fields: JsonObject) => `data: ${JSON.stringify({ ...head(model), ...fields })}\n\n`;
  const delta = (words: JsonObject, finish: string | null = null) =>
    frame({ choices: [{ index: 0, delta: words, finish_reason: finish }] });
  return {
    role: delta({ role: 'assistant', content: '' }),
    word: (content: string) => delta({ content }),
    finish: delta({}, 'stop'),
    usage: (input: number, output: number) =>
      frame({
        choices: [],
        usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output },
      }),
    done: 'data: [DONE]\n\n',
  };
}

export const openStream = ({ response }: Call) =>
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });

/** A provider that is well: answers with the sixty words, or with those that are missing where it is asked to go on. */
export const healthy =
  (model: string): Script =>
  (call, body) => {
    const messages = at(body, 'messages') as Json[];
    const said = messages.findLast((message) => stringAt(message, 'role') === 'assistant');
    const sent = stringAt(said, 'content');
    const left = sent === undefined ? whole : whole.slice(sent.length).trimStart();
    const list = left === '' ? [] : left.split(/(?<= )/);
    const usage = { prompt_tokens: 7, completion_tokens: list.length, total_tokens: 7 + list.length };
    if (at(body, 'stream') !== true) {
      call.response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(plainAnswer(left, usage).replace('"gpt-5.5"', JSON.stringify(model)));
      return;
    }
    const say = pieces(model);
    openStream(call);
    call.response.end(say.role + list.map(say.word).join('') + say.finish + say.usage(7, list.length) + say.done);
  };

export const refuse =
  (status: number, error: JsonObject, headers: Record<string, string> = {}): Script =>
  ({ response }) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify({ error }));
  };

type Time = Parameters<typeof startGateway>[1];

/** A gateway with two real providers of our own making behind it, and routes over both. */
export async function startPair(more: Record<string, string> = {}, time?: Time) {
  const calls: { to: 'primary' | 'fallback'; at: number; body: Json; key: string }[] = [];
  const scripts: Record<'primary' | 'fallback', Script> = { primary: () => {}, fallback: () => {} };
  const open = (to: 'primary' | 'fallback') =>
    startUpstream(async (call) => {
      const body = parsed(call.body);
      const key = (call.request.headers.authorization ?? '').replace('Bearer ', '');
      calls.push({ to, at: Date.now(), body, key });
      await scripts[to](call, body);
    });
  const [one, other] = await Promise.all([open('primary'), open('fallback')]);
  const config = mkdtempSync(join(tmpdir(), 'atelier-routes-'));
  const models = [primary, fallback];
  const routes = [
    { name: 'pair', models },
    { name: 'whole', models, restart: true },
    { name: 'careful', models, duplicate_ok: false },
    { name: 'split', strategy: 'weighted', models: models.map((model) => ({ model, weight: 1 })) },
    { name: 'kept', strategy: 'weighted', sticky: { header: 'x-session' }, models },
  ];
  writeFileSync(join(config, 'routes.json'), JSON.stringify({ routes }));
  const gateway = await startGateway(
    {
      ATELIER_CONFIG: config,
      OPENAI_API_KEY: 'sk-one',
      OPENAI_BASE_URL: one.url,
      MISTRAL_API_KEY: 'sk-other',
      MISTRAL_BASE_URL: other.url,
      ATELIER_DEADLINES_MS: '700,700,20000',
      ...more,
    },
    time,
  );
  const client = clientOf(() => gateway);
  const to = (name: 'primary' | 'fallback') => calls.filter((call) => call.to === name);
  return {
    ...client,
    gateway,
    calls,
    scripts,
    to,
    /** Asks through the chat door. */
    chat: (model: string, more: JsonObject = {}, headers: Record<string, string> = {}) =>
      client.post(
        '/v1/chat/completions',
        { model, messages: [{ role: 'user', content: 'Say your words.' }], ...more },
        { headers },
      ),
    reset: () => {
      calls.length = 0;
      scripts.primary = healthy('gpt-5.5');
      scripts.fallback = healthy('mistral-large-2512');
    },
    close: async () => {
      await gateway.close();
      await Promise.all([one.close(), other.close()]);
      rmSync(config, { recursive: true, force: true });
    },
  };
}

/** What a client of a chat stream has in the end: its text, and whether it is proven whole. */
export function heard(text: string) {
  const frames = framesOf(text);
  return {
    text: frames.map((frame) => stringAt(frame, 'choices', 0, 'delta', 'content') ?? '').join(''),
    done: frames.at(-1) === '[DONE]',
    finish: frames.map((frame) => stringAt(frame, 'choices', 0, 'finish_reason')).find((reason) => reason),
    error: frames.map((frame) => stringAt(frame, 'error', 'code')).find((code) => code),
    usage: frames.map((frame) => at(frame, 'usage')).findLast((usage) => usage),
    comments: text.split('\n').filter((line) => line.startsWith(':')),
  };
}
