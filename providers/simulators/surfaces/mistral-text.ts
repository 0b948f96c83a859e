import type { JsonObject } from '../../../src/contract/index.ts';
import { chat } from '../openai/chat.ts';
import { missing } from '../openai/check.ts';
import type { Endpoint } from '../openai/routes.ts';
import { type Desk, readJson } from '../openai/wire.ts';

/** Fill in the middle, and agents: chat completions under other names. https://docs.mistral.ai/api/ */
export const mistralText: Record<string, Endpoint> = {
  '/fim/completions': (desk, request) =>
    asChat(desk, request, ({ prompt, suffix, ...rest }) => {
      if (typeof prompt !== 'string') throw missing('prompt');
      const content = typeof suffix === 'string' && suffix ? `${prompt}\n…\n${suffix}` : prompt;
      return { ...rest, messages: [{ role: 'user', content }] };
    }),
  '/agents/completions': (desk, request) =>
    asChat(desk, request, ({ agent_id: agent, ...rest }) => {
      if (typeof agent !== 'string') throw missing('agent_id');
      return { ...rest, model: agent };
    }),
};

async function asChat(desk: Desk, request: Request, write: (body: JsonObject) => JsonObject): Promise<Response> {
  const { body } = await readJson(request);
  const { url, headers, signal } = request;
  return chat(desk, new Request(url, { method: 'POST', headers, signal, body: JSON.stringify(write(body)) }));
}
