import type { JsonObject } from '../../../src/contract/index.ts';
import { countTokens, pieces } from '../text.ts';
import type { Answer, Written } from './answer.ts';

/** One streamed event and how many output tokens were written when it left. */
export type StreamEvent = { data: JsonObject & { type: string }; tokens: number };

/** The answer as the vendor streams it: https://platform.claude.com/docs/en/build-with-claude/streaming. */
export function* streamEvents(answer: Answer): Generator<StreamEvent> {
  const { message, outputTokens } = answer;
  const usage = message.usage as JsonObject;
  const first = Math.min(1, outputTokens);
  yield {
    tokens: 0,
    data: {
      type: 'message_start',
      message: {
        ...message,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        stop_details: null,
        usage: { ...usage, output_tokens: first, output_tokens_details: { thinking_tokens: 0 } },
      },
    },
  };
  let done = 0;
  for (const [index, part] of answer.written.entries()) {
    yield { tokens: done, data: { type: 'content_block_start', index, content_block: emptied(part.block) } };
    if (index === 0) yield { tokens: done, data: { type: 'ping' } };
    for (const step of deltas(part)) {
      const tokens = done + Math.min(part.tokens, step.tokens);
      yield { tokens, data: { type: 'content_block_delta', index, delta: step.delta } };
    }
    done += part.tokens;
    yield { tokens: done, data: { type: 'content_block_stop', index } };
  }
  yield {
    tokens: outputTokens,
    data: {
      type: 'message_delta',
      delta: {
        container: null,
        stop_reason: message.stop_reason ?? null,
        stop_sequence: message.stop_sequence ?? null,
        stop_details: message.stop_details ?? null,
      },
      usage: {
        input_tokens: usage.input_tokens ?? null,
        cache_creation_input_tokens: usage.cache_creation_input_tokens ?? null,
        cache_read_input_tokens: usage.cache_read_input_tokens ?? null,
        output_tokens: outputTokens,
        output_tokens_details: usage.output_tokens_details ?? null,
        server_tool_use: null,
      },
    },
  };
  yield { tokens: outputTokens, data: { type: 'message_stop' } };
}

function emptied(block: JsonObject): JsonObject {
  if (block.type === 'text') return { ...block, text: '' };
  if (block.type === 'thinking') return { ...block, thinking: '', signature: '' };
  return { ...block, input: {} };
}

function* deltas(part: Written): Generator<{ delta: JsonObject; tokens: number }> {
  const { block } = part;
  if (block.type === 'tool_use') {
    yield { delta: { type: 'input_json_delta', partial_json: '' }, tokens: 4 };
    yield* growing(JSON.stringify(block.input), 'input_json_delta', 'partial_json', 4);
    return;
  }
  if (block.type === 'text') yield* growing(String(block.text), 'text_delta', 'text', 0);
  if (block.type === 'thinking') {
    yield* growing(String(block.thinking), 'thinking_delta', 'thinking', 0);
    yield { delta: { type: 'signature_delta', signature: block.signature ?? '' }, tokens: part.tokens };
  }
}

function* growing(text: string, type: string, field: string, from: number) {
  let length = 0;
  for (const piece of pieces(text)) {
    length += piece.length;
    yield { delta: { type, [field]: piece }, tokens: from + countTokens(text.slice(0, length)) };
  }
}
