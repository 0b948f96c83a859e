import { isObject, type Json, type JsonObject, type Observed } from '../../src/contract/index.ts';

/** Gemini's interactions in the words of generateContent. */
const interactions: Record<string, string> = {
  total_input_tokens: 'promptTokenCount',
  input_tokens_by_modality: 'promptTokensDetails',
  total_cached_tokens: 'cachedContentTokenCount',
  cached_tokens_by_modality: 'cacheTokensDetails',
  total_output_tokens: 'candidatesTokenCount',
  output_tokens_by_modality: 'candidatesTokensDetails',
  total_thought_tokens: 'thoughtsTokenCount',
  total_tool_use_tokens: 'toolUsePromptTokenCount',
  tool_use_tokens_by_modality: 'toolUsePromptTokensDetails',
  total_tokens: 'totalTokenCount',
};

/** Words of Anthropic's figures that others (Bedrock, SDKs) say differently. */
const messages: Record<string, string> = {
  cache_write_input_tokens: 'cache_creation_input_tokens',
};

/**
 * Usage in the spelling of the API it stems from: Gemini's as snake_case of an SDK or as an interaction's, others' as camelCase, counts
 * written as text.
 */
export function spelled(usage: Json, modality: Observed['modality']): Json {
  if (!isObject(usage)) return usage;
  const counted = numbered(usage);
  if ('prompt_token_count' in counted || 'candidates_token_count' in counted) return geminiOf(counted);
  if (modality !== 'video' && ('total_input_tokens' in counted || 'total_output_tokens' in counted)) {
    return geminiOf(renamed(counted, interactions));
  }
  if (['inputTokens', 'outputTokens', 'promptTokens'].some((name) => name in counted)) {
    const snake = renamed(deep(counted, snakeCase), messages);
    const { cached_input_tokens: cached, ...rest } = snake;
    return typeof cached === 'number' ? { ...rest, input_tokens_details: { cached_tokens: cached } } : snake;
  }
  return 'audioDurationSecs' in counted ? deep(counted, snakeCase) : counted;
}

/** camelCase, with the details' kinds in capitals. */
function geminiOf(usage: JsonObject): JsonObject {
  const whole = deep(usage, (name) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()));
  for (const [name, list] of Object.entries(whole)) {
    if (!Array.isArray(list) || !name.endsWith('Details')) continue;
    whole[name] = list.map((entry) => {
      if (!isObject(entry)) return entry;
      const { modality: kind = null, tokenCount = entry.tokens ?? null } = entry;
      return { ...entry, modality: typeof kind === 'string' ? kind.toUpperCase() : kind, tokenCount };
    });
  }
  return whole;
}

function renamed(usage: JsonObject, words: Record<string, string>): JsonObject {
  return Object.fromEntries(Object.entries(usage).map(([name, value]) => [words[name] ?? name, value]));
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function deep(value: JsonObject, word: (name: string) => string): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([name, own]) => [word(name), respelled(own, word)]));
}

function respelled(value: Json, word: (name: string) => string): Json {
  if (Array.isArray(value)) return value.map((each) => respelled(each, word));
  return isObject(value) ? deep(value, word) : value;
}

/** Counts of tokens that were written as text. */
function numbered(usage: JsonObject): JsonObject {
  const written = (name: string, value: Json) =>
    typeof value === 'string' && /^\d+$/.test(value) && /tokens|token_?count/i.test(name) ? Number(value) : value;
  return Object.fromEntries(Object.entries(usage).map(([name, value]) => [name, written(name, value)]));
}
