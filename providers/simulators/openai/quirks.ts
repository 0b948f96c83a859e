import type { JsonObject } from '../../../src/contract/index.ts';

/** What a call consumed, before an upstream writes it in its own words. `output` includes reasoning. */
export type Figures = {
  input: number;
  cached: number;
  audio: number;
  output: number;
  reasoning: number;
  /** US dollars in units of 1e-12, where every price is known. */
  cost?: bigint;
};

/** How an upstream that speaks OpenAI's chat language differs from OpenAI. */
export type Quirks = {
  /** OpenAI refuses unknown fields and enforces its own rules; others let them pass. */
  strict: boolean;
  /** No key is asked for. */
  keyless: boolean;
  /** Start of answer ids. */
  idPrefix: string;
  /** True where the model thinks before it answers. */
  reasons: (model: string) => boolean;
  /** Field of message and delta that shows the thoughts; absent where they stay hidden. */
  reasoningField?: string;
  usage: (figures: Figures) => JsonObject;
  /**
   * Where a stream says its usage: `asked` in a chunk of its own when `include_usage` is set, `always` in such a chunk,
   * `finish` inside the finish chunk.
   */
  streamUsage: 'asked' | 'always' | 'finish';
  /** Fields that every choice has, e.g. `logprobs: null` where they were not asked for. */
  everyChoice?: JsonObject;
  /** Fields of every delta. */
  everyDelta?: JsonObject;
  /** Fields added to the first chunk of a stream. */
  firstChunk?: (id: string) => JsonObject;
  /** Fields added to the finish chunk. */
  finishChunk?: (id: string, usage: JsonObject) => JsonObject;
  /** Fields added to plain answers and every chunk. */
  extra?: JsonObject;
  /** Length of embedding vectors; undefined where there is no embeddings endpoint. */
  embeddingLength?: (model: string) => number;
  /** An embedding's usage says its output, too: none. */
  embeddingOutput?: boolean;
};

/** prompt_tokens includes cached, completion_tokens includes reasoning. */
export function openaiUsage({ input, cached, audio, output, reasoning }: Figures): JsonObject {
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cached, audio_tokens: audio },
    completion_tokens_details: {
      reasoning_tokens: reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}
