import type { JsonObject } from '../../../src/contract/index.ts';
import type { Figures, Quirks } from './quirks.ts';

/** The three counts that all agree on. */
function counts({ input, output }: Figures): JsonObject {
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
}

function withDetails(figures: Figures): JsonObject {
  return {
    ...counts(figures),
    prompt_tokens_details: { cached_tokens: figures.cached },
    completion_tokens_details: { reasoning_tokens: figures.reasoning },
  };
}

/** https://api-docs.deepseek.com/api/create-chat-completion */
const deepseek: Partial<Quirks> = {
  everyChoice: { logprobs: null },
  reasons: (model) => /reason|think|r1/.test(model),
  reasoningField: 'reasoning_content',
  usage: (figures) => ({
    ...withDetails(figures),
    prompt_cache_hit_tokens: figures.cached,
    prompt_cache_miss_tokens: figures.input - figures.cached,
  }),
};

/** Reasoning stands beside completion_tokens, not inside; a tick is 1e-10 USD. https://docs.x.ai/docs/api-reference */
const xai: Partial<Quirks> = {
  idPrefix: '',
  reasons: (model) => !/non-reasoning/.test(model),
  reasoningField: 'reasoning_content',
  usage: ({ input, cached, audio, output, reasoning, cost }) => ({
    prompt_tokens: input,
    completion_tokens: output - reasoning,
    total_tokens: input + output,
    prompt_tokens_details: {
      text_tokens: input - audio,
      audio_tokens: audio,
      image_tokens: 0,
      cached_tokens: cached,
    },
    completion_tokens_details: {
      reasoning_tokens: reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
    num_sources_used: 0,
    ...(cost === undefined ? {} : { cost_in_usd_ticks: Number((cost + 50n) / 100n) }),
  }),
};

/** https://docs.mistral.ai/api/ */
const mistral: Partial<Quirks> = {
  idPrefix: '',
  usage: counts,
  streamUsage: 'finish',
  embeddingLength: () => 1024,
  embeddingOutput: true,
};

/** Usage in seconds as well; in a stream inside `x_groq` of the last chunk. https://console.groq.com/docs/api-reference */
const groq: Partial<Quirks> = {
  everyChoice: { logprobs: null },
  reasons: (model) => /gpt-oss|qwen3|deepseek-r1/.test(model),
  reasoningField: 'reasoning',
  usage: (figures) => {
    const { input, output } = figures;
    const times = { queue_time: 0.001, prompt_time: input / 20_000, completion_time: output / 500 };
    return { ...withDetails(figures), ...times, total_time: times.prompt_time + times.completion_time };
  },
  firstChunk: (id) => ({ x_groq: { id: id.replace('chatcmpl-', 'req_') } }),
  finishChunk: (id, usage) => ({ x_groq: { id: id.replace('chatcmpl-', 'req_'), usage } }),
};

/** https://docs.together.ai/reference/chat-completions-1 */
const together: Partial<Quirks> = {
  idPrefix: '',
  usage: counts,
  streamUsage: 'finish',
  extra: { prompt: [] },
  everyDelta: { role: 'assistant' },
  embeddingLength: () => 768,
};

/** Takes no `stream_options`: a stream says its usage unasked. https://docs.cohere.com/docs/compatibility-api */
const cohere: Partial<Quirks> = {
  idPrefix: '',
  usage: counts,
  streamUsage: 'finish',
  embeddingLength: (model) => (/v4/.test(model) ? 1536 : 1024),
};

/** https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope */
const qwen: Partial<Quirks> = {
  everyChoice: { logprobs: null },
  reasons: (model) => /thinking|qwq/.test(model),
  reasoningField: 'reasoning_content',
  usage: withDetails,
  embeddingLength: () => 1024,
};

/** Says its cost in US dollars, always. https://openrouter.ai/docs/use-cases/usage-accounting */
const openrouter: Partial<Quirks> = {
  idPrefix: 'gen-',
  reasoningField: 'reasoning',
  usage: (figures) => ({
    ...withDetails(figures),
    ...(figures.cost === undefined ? {} : { cost: Number(`${figures.cost}e-12`), is_byok: false }),
  }),
  streamUsage: 'always',
  extra: { provider: 'Simulated' },
};

/** A self-hosted model behind vLLM: no key. https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html */
const vllm: Partial<Quirks> = {
  everyChoice: { logprobs: null },
  keyless: true,
  usage: (figures) => ({ ...counts(figures), prompt_tokens_details: null }),
  embeddingLength: () => 1024,
};

/** What is known of upstreams that speak OpenAI's chat language. */
export const presets: Record<string, Partial<Quirks>> = {
  deepseek,
  xai,
  mistral,
  groq,
  together,
  cohere,
  qwen,
  openrouter,
  vllm,
  llama: vllm,
};
