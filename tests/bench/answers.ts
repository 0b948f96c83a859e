/** What the fake upstream says: constant, so that every answer can be checked by its length and priced beforehand. */

/** Bytes of a plain chat answer. */
export const answerBytes = 600;
/** Content events of a stream, about 175 bytes each, sent in one burst. */
export const streamEvents = 200;

/** The tokens every answer reports, by the meter they are priced under. */
export const answerMeters = { input_text_tokens: 24, output_text_tokens: 60 } as const;

const head = { id: 'chatcmpl-bench', created: 1_795_305_600, model: 'gpt-5.5' };
const usageOf = (output: number) => ({
  prompt_tokens: answerMeters.input_text_tokens,
  completion_tokens: output,
  total_tokens: answerMeters.input_text_tokens + output,
  prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
});

/** A chat completion of exactly `answerBytes` bytes that reports so many output tokens. */
export function chatAnswer(output: number = answerMeters.output_text_tokens): string {
  const usage = usageOf(output);
  const write = (content: string) =>
    JSON.stringify({
      ...head,
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content, refusal: null }, finish_reason: 'stop' }],
      usage,
    });
  return write('a'.repeat(answerBytes - write('').length));
}

/** The frames of a streamed chat completion, with a usage chunk when the caller asked for one. */
export function chatFrames(
  withUsage: boolean,
  events: number = streamEvents,
  output: number = answerMeters.output_text_tokens,
): string[] {
  const usage = usageOf(output);
  const chunk = (fields: object) =>
    `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', ...fields, ...(withUsage ? { usage: null, ...fields } : {}) })}\n\n`;
  const choice = (delta: object, finish: string | null) => ({ choices: [{ index: 0, delta, finish_reason: finish }] });
  const frames = Array.from({ length: events }, (_, index) => chunk(choice({ content: `w${index} ` }, null)));
  frames.push(chunk(choice({}, 'stop')));
  if (withUsage) frames.push(chunk({ choices: [], usage }));
  frames.push('data: [DONE]\n\n');
  return frames;
}

/** `crossed` streams too: it asks in Anthropic's form for what the upstream answers in OpenAI's. */
export type ChatKind = 'chat' | 'stream' | 'stream-with-usage' | 'crossed';

/** A stream with this in its request stays open after its first event until its caller leaves. */
export const holdWords = 'Hold the line.';

export const pathOf = (kind: ChatKind) => (kind === 'crossed' ? '/v1/messages' : '/v1/chat/completions');

/** A request body: in the OpenAI chat form, in Anthropic's where it crosses. */
export function chatRequest(kind: ChatKind, model: string, hold = false): string {
  const content = hold ? holdWords : 'Tell me in a few sentences how a lighthouse works.';
  const user = { role: 'user', content };
  if (kind === 'crossed') return JSON.stringify({ model, max_tokens: 1000, stream: true, messages: [user] });
  return JSON.stringify({
    model,
    messages: [{ role: 'system', content: 'You answer briefly.' }, user],
    max_completion_tokens: 200,
    ...(kind === 'chat' ? {} : { stream: true }),
    ...(kind === 'stream-with-usage' ? { stream_options: { include_usage: true } } : {}),
  });
}
