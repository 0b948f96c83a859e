import { ApiError, type Content, type GenerateContentResponse, GoogleGenAI, type Part } from '@google/genai';
import { at, encodeBase64, type Json, stringAt } from '../../../src/contract/index.ts';
import { type Ask, type Client, given, type Opening } from './client.ts';

/** @google/genai, generateContent on `/v1`, its default. It has no accumulator: chunks are folded here as its documentation does. */
export function geminiClient({ url, key, watch }: Opening): Client {
  const client = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url, fetch: watch.fetch } });
  const write = (ask: Ask) => ({
    model: ask.model,
    contents: ask.history as Content[],
    config: given({
      maxOutputTokens: 3000,
      abortSignal: ask.signal,
      // continuing by itself would be several billed calls in one
      automaticContinuation: false,
      tools: ask.tools && [
        {
          functionDeclarations: ask.tools.map(({ name, description, parameters }) => ({
            name,
            description,
            parametersJsonSchema: parameters,
          })),
        },
      ],
      responseMimeType: ask.schema && 'application/json',
      responseJsonSchema: ask.schema,
      thinkingConfig: ask.thinks ? { includeThoughts: true, thinkingBudget: 1024 } : undefined,
      httpOptions: ask.unknown && { extraBody: ask.unknown },
    }),
  });

  return {
    name: 'google genai',
    dialect: 'gemini',
    user: (text, image) => [
      {
        role: 'user',
        parts: [...(image ? [{ inlineData: { mimeType: 'image/png', data: encodeBase64(image) } }] : []), { text }],
      },
    ],
    results: (results) => [
      {
        role: 'user',
        parts: results.map(({ id, name, output }) => ({ functionResponse: { id, name, response: { output } } })),
      },
    ],
    ask: async (ask) => {
      const chunks: GenerateContentResponse[] = [];
      if (ask.stream)
        for await (const chunk of await client.models.generateContentStream(write(ask))) chunks.push(chunk);
      else chunks.push(await client.models.generateContent(write(ask)));
      const parts = chunks.flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? []);
      const usage = chunks.at(-1)?.usageMetadata;
      const words = (thought: boolean) =>
        parts
          .flatMap((part) => (part.text !== undefined && Boolean(part.thought) === thought ? [part.text] : []))
          .join('');
      return {
        text: words(false),
        reasoning: words(true),
        calls: parts.flatMap(({ functionCall }) =>
          functionCall
            ? [
                {
                  id: functionCall.id ?? '',
                  name: functionCall.name ?? '',
                  arguments: (functionCall.args ?? {}) as Json,
                },
              ]
            : [],
        ),
        whole: chunks.at(-1)?.candidates?.[0]?.finishReason === 'STOP',
        usage: given({
          input: usage?.promptTokenCount,
          output: usage && (usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0),
        }),
        turn: [{ role: 'model', parts: parts.filter(holds) }],
      };
    },
    drain: async (ask) => {
      let events = 0;
      for await (const _ of await client.models.generateContentStream(write(ask))) events++;
      return events;
    },
    failure: (thrown) => {
      if (!(thrown instanceof ApiError)) return undefined;
      return { type: 'ApiError', status: thrown.status, code: stringAt(reasonOf(thrown.message)) };
    },
  };
}

/** The last chunk's empty text says nothing, unless it is signed. */
const holds = (part: Part) => part.text !== '' || part.thoughtSignature !== undefined;

/** The stable code, in the ErrorInfo of the body that the SDK keeps as its message. */
function reasonOf(message: string): Json | undefined {
  const text = message.slice(Math.max(0, message.indexOf('{')));
  try {
    return at(JSON.parse(text), 'error', 'details', 0, 'reason');
  } catch {
    return undefined;
  }
}
