import Anthropic from '@anthropic-ai/sdk';
import { at, encodeBase64, type JsonObject, stringAt } from '../../../src/contract/index.ts';
import { type Ask, type Client, classOf, given, type Opening } from './client.ts';

type Messages = Anthropic.MessageParam[];

/** @anthropic-ai/sdk, messages. Its streams are folded by the SDK's own `.stream()`. */
export function anthropicClient({ url, key, watch }: Opening): Client {
  const client = new Anthropic({ apiKey: key, baseURL: url, maxRetries: 0, fetch: watch.fetch });
  const write = (ask: Ask) =>
    given({
      model: ask.model,
      messages: ask.history as Messages,
      max_tokens: 3000,
      tools: ask.tools?.map(({ name, description, parameters }) => ({
        name,
        description,
        input_schema: parameters as JsonObject & { type: 'object' },
      })),
      output_config: ask.schema && { format: { type: 'json_schema' as const, schema: ask.schema } },
      thinking: ask.thinks ? { type: 'enabled' as const, budget_tokens: 1024 } : undefined,
      ...ask.unknown,
    });

  return {
    name: 'anthropic messages',
    dialect: 'anthropic-messages',
    user: (text, image) => [
      {
        role: 'user',
        content: image
          ? [
              { type: 'image', source: { type: 'base64', media_type: 'image/png', data: encodeBase64(image) } },
              { type: 'text', text },
            ]
          : text,
      },
    ],
    results: (results) => [
      {
        role: 'user',
        content: results.map(({ id, output }) => ({ type: 'tool_result', tool_use_id: id, content: output })),
      },
    ],
    ask: async (ask) => {
      const options = { signal: ask.signal };
      const message = ask.stream
        ? await client.messages.stream(write(ask), options).finalMessage()
        : await client.messages.create(write(ask), options);
      const { usage } = message;
      return {
        text: message.content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join(''),
        reasoning: message.content.flatMap((block) => (block.type === 'thinking' ? [block.thinking] : [])).join(''),
        calls: message.content.flatMap((block) =>
          block.type === 'tool_use' ? [{ id: block.id, name: block.name, arguments: block.input as JsonObject }] : [],
        ),
        whole: message.stop_reason === 'end_turn' || message.stop_reason === 'tool_use',
        usage: {
          input: usage.input_tokens + (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0),
          output: usage.output_tokens,
        },
        turn: [{ role: 'assistant', content: message.content }],
      };
    },
    drain: async (ask) => {
      let events = 0;
      for await (const _ of await client.messages.create({ ...write(ask), stream: true })) events++;
      return events;
    },
    failure: (thrown) => {
      if (!(thrown instanceof Anthropic.APIError)) return undefined;
      const { BadRequestError, RateLimitError, InternalServerError, APIError } = Anthropic;
      return {
        type: classOf(thrown, { BadRequestError, RateLimitError, InternalServerError, APIError }),
        status: thrown.status as number | undefined,
        code: stringAt(at(thrown.error, 'error'), 'code'),
      };
    },
  };
}
