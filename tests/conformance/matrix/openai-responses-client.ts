import OpenAI from 'openai';
import { encodeBase64 } from '../../../src/contract/index.ts';
import { type Ask, type Client, given, type Opening } from './client.ts';
import { openaiFailure } from './openai-chat-client.ts';

type Input = OpenAI.Responses.ResponseInput;

/** openai, responses. Every turn is spelled out (`store: false`): what the store adds has its own test. */
export function openaiResponsesClient({ url, key, watch }: Opening): Client {
  const client = new OpenAI({ apiKey: key, baseURL: `${url}/v1`, maxRetries: 0, fetch: watch.fetch });
  const write = (ask: Ask) =>
    given({
      model: ask.model,
      input: ask.history as Input,
      max_output_tokens: 3000,
      store: false,
      tools: ask.tools?.map((tool) => ({ type: 'function' as const, strict: false, ...tool })),
      text: ask.schema && {
        format: { type: 'json_schema' as const, name: 'answer', schema: ask.schema, strict: true },
      },
      reasoning: ask.thinks ? { effort: 'low' as const, summary: 'auto' as const } : undefined,
      include: ask.thinks ? ['reasoning.encrypted_content' as const] : undefined,
      ...ask.unknown,
    });

  return {
    name: 'openai responses',
    dialect: 'openai-responses',
    user: (text, image) => [
      {
        type: 'message',
        role: 'user',
        content: image
          ? [
              { type: 'input_text', text },
              { type: 'input_image', detail: 'auto', image_url: `data:image/png;base64,${encodeBase64(image)}` },
            ]
          : text,
      },
    ],
    results: (results) => results.map(({ id, output }) => ({ type: 'function_call_output', call_id: id, output })),
    ask: async (ask) => {
      const options = { signal: ask.signal };
      const response = ask.stream
        ? await client.responses.stream(write(ask), options).finalResponse()
        : await client.responses.create(write(ask), options);
      return {
        text: response.output_text,
        reasoning: response.output
          .flatMap((item) => (item.type === 'reasoning' ? item.summary.map((one) => one.text) : []))
          .join(''),
        calls: response.output.flatMap((item) =>
          item.type === 'function_call'
            ? [{ id: item.call_id, name: item.name, arguments: JSON.parse(item.arguments) }]
            : [],
        ),
        whole: response.status === 'completed',
        usage: { input: response.usage?.input_tokens, output: response.usage?.output_tokens },
        turn: response.output,
      };
    },
    drain: async (ask) => {
      let events = 0;
      for await (const _ of await client.responses.create({ ...write(ask), stream: true })) events++;
      return events;
    },
    failure: openaiFailure,
  };
}
