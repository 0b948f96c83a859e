import OpenAI from 'openai';
import { encodeBase64 } from '../../../src/contract/index.ts';
import { type Ask, type Client, classOf, given, type Opening } from './client.ts';

type Messages = OpenAI.Chat.ChatCompletionMessageParam[];

/** openai, chat completions. Its streams are folded by the SDK's own `.stream()`. */
export function openaiChatClient({ url, key, watch }: Opening): Client {
  const client = new OpenAI({ apiKey: key, baseURL: `${url}/v1`, maxRetries: 0, fetch: watch.fetch });
  const write = (ask: Ask) =>
    given({
      model: ask.model,
      messages: ask.history as Messages,
      max_completion_tokens: 3000,
      tools: ask.tools?.map((tool) => ({ type: 'function' as const, function: { ...tool } })),
      response_format: ask.schema && {
        type: 'json_schema' as const,
        json_schema: { name: 'answer', schema: ask.schema, strict: true },
      },
      reasoning_effort: ask.thinks ? ('low' as const) : undefined,
      ...ask.unknown,
    });
  const streamed = (ask: Ask) => ({ ...write(ask), stream: true as const, stream_options: { include_usage: true } });

  return {
    name: 'openai chat',
    dialect: 'openai-chat',
    user: (text, image) => [
      {
        role: 'user',
        content: image
          ? [
              { type: 'text', text },
              { type: 'image_url', image_url: { url: `data:image/png;base64,${encodeBase64(image)}` } },
            ]
          : text,
      },
    ],
    results: (results) => results.map(({ id, output }) => ({ role: 'tool', tool_call_id: id, content: output })),
    ask: async (ask) => {
      const options = { signal: ask.signal };
      const completion = ask.stream
        ? await client.chat.completions.stream(streamed(ask), options).finalChatCompletion()
        : await client.chat.completions.create(write(ask), options);
      const choice = completion.choices[0]!;
      const message = choice.message as OpenAI.Chat.ChatCompletionMessage & {
        reasoning_content?: string;
        reasoning?: string;
      };
      return {
        text: message.content ?? '',
        reasoning: message.reasoning_content ?? message.reasoning ?? '',
        calls: (message.tool_calls ?? []).flatMap((call) =>
          call.type === 'function'
            ? [{ id: call.id, name: call.function.name, arguments: JSON.parse(call.function.arguments) }]
            : [],
        ),
        whole: choice.finish_reason === 'stop' || choice.finish_reason === 'tool_calls',
        usage: { input: completion.usage?.prompt_tokens, output: completion.usage?.completion_tokens },
        turn: [message],
      };
    },
    drain: async (ask) => {
      let events = 0;
      for await (const _ of await client.chat.completions.create(streamed(ask))) events++;
      return events;
    },
    failure: (thrown) => openaiFailure(thrown),
  };
}

/** Both of openai's surfaces throw the same classes. */
export function openaiFailure(thrown: unknown) {
  if (!(thrown instanceof OpenAI.APIError)) return undefined;
  const { BadRequestError, RateLimitError, InternalServerError, APIError } = OpenAI;
  const type = classOf(thrown, { BadRequestError, RateLimitError, InternalServerError, APIError });
  return { type, status: thrown.status as number | undefined, code: thrown.code ?? undefined };
}
