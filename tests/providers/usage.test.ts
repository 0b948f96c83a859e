import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anthropic } from '../../providers/anthropic.ts';
import { google } from '../../providers/google.ts';
import { openai } from '../../providers/openai.ts';
import { openaiCompatible } from '../../providers/openai-compatible.ts';
import { decimal, scaled } from '../../providers/shared/leaves.ts';
import type { Json, JsonObject, Modality, Observed, Usage } from '../../src/contract/index.ts';
import { sharedFolder } from '../support/spec.ts';

const compatible = openaiCompatible({ id: 'any', adapter: 'openai-compatible', baseUrl: 'https://any.example/v1' });
const observed = (usage: Json | undefined, more: Partial<Observed> = {}): Observed => ({
  model: 'm',
  endpoint: 'openai-chat',
  modality: 'text',
  usage,
  ...more,
});
/** Meter → quantity, summed over dims and models. */
function sums(usage: Usage | undefined): Record<string, number> | undefined {
  if (!usage) return undefined;
  const all: Record<string, number> = {};
  for (const { meter, quantity } of usage.metered) all[meter] = (all[meter] ?? 0) + quantity;
  return all;
}
const inputs = (usage: Usage | undefined) =>
  (usage?.metered ?? [])
    .filter(({ meter }) => /^(input|cached|cache_write)_.*tokens$|^cache_write_tokens$/.test(meter))
    .reduce((sum, { quantity }) => sum + quantity, 0);
const outputs = (usage: Usage | undefined) =>
  (usage?.metered ?? [])
    .filter(({ meter }) => /^output_.*tokens$/.test(meter))
    .reduce((sum, { quantity }) => sum + quantity, 0);

const golden = join(sharedFolder, 'golden/costs.jsonl');
const adapters: Record<string, (observed: Observed) => Usage | undefined> = {
  openai: openai.readUsage,
  anthropic: anthropic.readUsage,
  google: google.readUsage,
  deepseek: compatible.readUsage,
  xai: compatible.readUsage,
  mistral: compatible.readUsage,
  cohere: compatible.readUsage,
  groq: compatible.readUsage,
  perplexity: compatible.readUsage,
  openrouter: compatible.readUsage,
};
/** Cases these adapters do not serve: no usage object and no such media port here. */
const foreign = /^(video-|policy-|stt-groq)/;

describe.skipIf(!existsSync(golden))('golden cases (needs ../shared/golden)', () => {
  const cases = existsSync(golden)
    ? readFileSync(golden, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
        .filter((entry) => adapters[entry.provider] && !foreign.test(entry.id))
    : [];
  test('there are many', () => expect(cases.length).toBeGreaterThan(25));
  test.each(cases.map((entry) => [entry.id, entry]))('%s', (_id, entry) => {
    const usage = adapters[entry.provider]?.({
      model: entry.model,
      endpoint: entry.endpoint,
      modality: (entry.modality === 'audio-chat' ? 'text' : entry.modality) as Modality,
      usage: entry.usage ?? undefined,
      request: entry.request,
      response: entry.response,
    });
    if (entry.cost_basis === 'provider_reported') expect(usage?.reportedCostUsd).toBe(entry.expected_usd);
    if (entry.lines.length === 0) return;
    const wanted: Record<string, number> = {};
    for (const line of entry.lines) wanted[line.meter] = (wanted[line.meter] ?? 0) + Number(line.qty);
    expect(sums(usage)).toEqual(wanted);
    for (const line of entry.lines.filter((each: JsonObject) => each.dims)) {
      const leaf = usage?.metered.find(({ meter }) => meter === line.meter);
      expect({ ...usage?.dims, ...leaf?.dims }).toMatchObject(line.dims);
    }
    expect(usage?.source === 'estimated').toBe(entry.cost_status === 'priced_estimated');
  });
});

describe('openai', () => {
  test('the leaves of any chat usage sum to its totals, and none is negative', () => {
    const count = fc.option(fc.nat(5000), { nil: undefined });
    fc.assert(
      fc.property(
        fc.nat(9000),
        fc.nat(9000),
        count,
        count,
        count,
        count,
        (prompt, completion, cached, written, heard, spoken) => {
          const usage = openai.readUsage(
            observed({
              prompt_tokens: prompt,
              completion_tokens: completion,
              prompt_tokens_details: {
                cached_tokens: cached,
                cache_write_tokens: written,
                audio_tokens: heard,
              } as JsonObject,
              completion_tokens_details: { audio_tokens: spoken } as JsonObject,
            }),
          );
          expect(inputs(usage)).toBe(prompt);
          expect(outputs(usage)).toBe(completion);
          expect(usage?.metered.every(({ quantity }) => quantity >= 0)).toBe(true);
          if ((cached ?? 0) + (written ?? 0) + (heard ?? 0) > prompt) expect(usage?.source).toBe('estimated');
        },
      ),
    );
  });
  test('cached audio is neither audio nor cached text', () => {
    const details = {
      cached_tokens: 60,
      audio_tokens: 50,
      cached_tokens_details: { audio_tokens: 40, text_tokens: 20 },
    };
    const usage = openai.readUsage(
      observed({ prompt_tokens: 100, completion_tokens: 0, prompt_tokens_details: details }),
    );
    expect(sums(usage)).toEqual({
      input_text_tokens: 30,
      cached_input_tokens: 20,
      cached_input_audio_tokens: 40,
      input_audio_tokens: 10,
    });
  });
  test('Responses: cache writes by lifetime, the served tier, tools on top', () => {
    const usage = openai.readUsage(
      observed(
        {
          input_tokens: 1000,
          input_tokens_details: {
            cached_tokens: 200,
            cache_write_tokens: 300,
            cache_write_tokens_details: { ttl_30m_tokens: 100, ttl_12h_tokens: 200 },
          },
          output_tokens: 50,
          output_tokens_details: { reasoning_tokens: 40 },
        },
        {
          endpoint: 'openai-responses',
          request: { service_tier: 'auto' },
          response: {
            service_tier: 'flex',
            tools: [{ type: 'image_generation', model: 'gpt-image-2' }],
            tool_usage: {
              web_search: { num_requests: 2 },
              image_gen: {
                input_tokens: 20,
                input_tokens_details: { image_tokens: 5, text_tokens: 15 },
                output_tokens: 900,
              },
            },
            output: [
              { type: 'code_interpreter_call', container_id: 'a' },
              { type: 'code_interpreter_call', container_id: 'a' },
            ],
          },
        },
      ),
    );
    expect(usage?.dims).toEqual({ service_tier: 'flex' });
    expect(usage?.metered).toEqual([
      { meter: 'input_text_tokens', quantity: 500 },
      { meter: 'cached_input_tokens', quantity: 200 },
      { meter: 'cache_write_tokens', quantity: 100 },
      { meter: 'cache_write_tokens', quantity: 200, dims: { cache_ttl: '12h' } },
      { meter: 'output_text_tokens', quantity: 50 },
      { meter: 'tool_web_search_calls', quantity: 2 },
      { meter: 'tool_code_runs', quantity: 1 },
      { meter: 'input_text_tokens', quantity: 15, model: 'gpt-image-2' },
      { meter: 'input_image_tokens', quantity: 5, model: 'gpt-image-2' },
      { meter: 'output_image_tokens', quantity: 900, model: 'gpt-image-2' },
    ]);
  });
  test('without tool_usage, searches are counted from the output; opening a page is none', () => {
    const action = (type: string) => ({ type: 'web_search_call', action: { type } });
    const usage = openai.readUsage(
      observed(
        { input_tokens: 1, output_tokens: 1 },
        { response: { output: [action('search'), action('open_page')] } },
      ),
    );
    expect(sums(usage)?.tool_web_search_calls).toBe(1);
  });
  test('images: details split input and output, undetailed output is image, served size and quality win', () => {
    const image = (usage: Json) =>
      openai.readUsage(
        observed(usage, {
          modality: 'image',
          request: { size: 'auto', quality: 'auto' },
          response: { size: '1024x1536', quality: 'high' },
        }),
      );
    const tokens = {
      input_tokens: 70,
      input_tokens_details: { text_tokens: 50, image_tokens: 20 },
      output_tokens: 1000,
    };
    const undetailed = image(tokens);
    expect(undetailed?.dims).toEqual({ size: '1024x1536', quality: 'high' });
    expect(sums(undetailed)).toEqual({ input_text_tokens: 50, input_image_tokens: 20, output_image_tokens: 1000 });
    const detailed = image({ ...tokens, output_tokens_details: { text_tokens: 100, image_tokens: 900 } });
    expect(sums(detailed)).toMatchObject({ output_text_tokens: 100, output_image_tokens: 900 });
  });
  test('transcription: tokens or duration, else the duration of the body, else unknown', () => {
    const heard = (usage: Json | undefined, response?: Json) =>
      openai.readUsage(observed(usage, { modality: 'transcription', ...(response ? { response } : {}) }));
    const tokens = {
      type: 'tokens',
      input_tokens: 100,
      input_token_details: { audio_tokens: 90, text_tokens: 10 },
      output_tokens: 20,
    };
    expect(sums(heard(tokens))).toEqual({ input_audio_tokens: 90, input_text_tokens: 10, output_text_tokens: 20 });
    expect(sums(heard({ type: 'duration', seconds: 9 }))).toEqual({ input_audio_seconds: 9 });
    expect(heard(undefined, { duration: 8.47 })).toMatchObject({ source: 'derived' });
    expect(heard(undefined)).toBeUndefined();
  });
  test('speech: tokens from the last event, characters for tts-1, unknown for a bare gpt-4o-mini-tts answer', () => {
    const spoken = (model: string, usage?: Json) =>
      openai.readUsage(observed(usage, { model, modality: 'speech', request: { input: 'Grüß 👋' } }));
    expect(sums(spoken('gpt-4o-mini-tts', { input_tokens: 14, output_tokens: 101 }))).toEqual({
      input_text_tokens: 14,
      output_audio_tokens: 101,
    });
    expect(sums(spoken('tts-1-hd'))).toEqual({ input_characters: 6 });
    expect(spoken('gpt-4o-mini-tts')).toBeUndefined();
  });
  test('null and absent figures are unknown, not zero', () => {
    for (const usage of [undefined, null, {}, { prompt_tokens: null, completion_tokens: null }]) {
      expect(openai.readUsage(observed(usage as Json))).toBeUndefined();
    }
    expect(sums(openai.readUsage(observed({ prompt_tokens: 5 })))).toEqual({ input_text_tokens: 5 });
  });
});

describe('anthropic', () => {
  const read = (usage: Json) =>
    anthropic.readUsage(observed(usage, { model: 'claude-opus-5-5', endpoint: 'anthropic-messages' }));
  test('cache writes by lifetime; an unsplit write lasts five minutes', () => {
    const split = { cache_creation: { ephemeral_5m_input_tokens: 30, ephemeral_1h_input_tokens: 70 } };
    const base = { input_tokens: 10, cache_read_input_tokens: 20, cache_creation_input_tokens: 100, output_tokens: 5 };
    expect(sums(read({ ...base, ...split }))).toEqual({
      input_text_tokens: 10,
      cached_input_tokens: 20,
      cache_write_5m_tokens: 30,
      cache_write_1h_tokens: 70,
      output_text_tokens: 5,
    });
    expect(sums(read(base))).toMatchObject({ cache_write_5m_tokens: 100 });
  });
  test('tier, speed and region are dimensions; standard ones are left out', () => {
    const base = { input_tokens: 1, output_tokens: 1 };
    expect(
      read({ ...base, service_tier: 'standard', speed: 'standard', inference_geo: 'global' })?.dims,
    ).toBeUndefined();
    expect(read({ ...base, service_tier: 'batch', speed: 'fast', inference_geo: 'us' })?.dims).toEqual({
      service_tier: 'batch',
      speed: 'fast',
      region: 'us',
    });
  });
  test('compaction is added, the advisor under its own model, messages are not counted twice', () => {
    const usage = read({
      input_tokens: 2000,
      output_tokens: 100,
      server_tool_use: { web_search_requests: 3, web_fetch_requests: 9 },
      iterations: [
        { type: 'compaction', input_tokens: 180_000, output_tokens: 3500 },
        { type: 'message', model: 'claude-opus-5-5', input_tokens: 2000, output_tokens: 100 },
        { type: 'advisor_message', model: 'claude-mythos-5-2', input_tokens: 500, output_tokens: 50 },
      ],
    });
    expect(usage?.metered).toEqual([
      { meter: 'input_text_tokens', quantity: 182_000 },
      { meter: 'output_text_tokens', quantity: 3600 },
      { meter: 'input_text_tokens', quantity: 500, model: 'claude-mythos-5-2' },
      { meter: 'output_text_tokens', quantity: 50, model: 'claude-mythos-5-2' },
      { meter: 'tool_web_search_calls', quantity: 3 },
    ]);
    // The compaction is a call of its own: it decides the context tier, not the sum.
    expect(usage?.contextTokens).toBe(180_000);
  });
});

describe('google', () => {
  const read = (usage: Json, more: Partial<Observed> = {}) =>
    google.readUsage(observed(usage, { model: 'gemini-3.8-flash', endpoint: 'gemini', ...more }));
  test('any usage: prompt and tool prompt, candidates and thoughts are all placed, cache within its modality', () => {
    const count = fc.nat(3000);
    fc.assert(
      fc.property(
        count,
        count,
        count,
        count,
        count,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (text, audio, image, thoughts, tool, share) => {
          const prompt = text + audio + image;
          const cached = Math.floor(prompt * share);
          const details = (sizes: number[]) =>
            ['TEXT', 'AUDIO', 'IMAGE'].map((modality, index) => ({ modality, tokenCount: sizes[index] ?? 0 }));
          for (const cacheTokensDetails of [
            undefined,
            details([text, audio, image].map((size) => Math.floor(size * share))),
          ]) {
            const usage = read({
              promptTokenCount: prompt,
              cachedContentTokenCount: cacheTokensDetails?.reduce((sum, each) => sum + each.tokenCount, 0) ?? cached,
              promptTokensDetails: details([text, audio, image]),
              ...(cacheTokensDetails ? { cacheTokensDetails } : {}),
              candidatesTokenCount: 10,
              thoughtsTokenCount: thoughts,
              toolUsePromptTokenCount: tool,
            });
            expect(inputs(usage)).toBe(prompt + tool);
            expect(outputs(usage)).toBe(10 + thoughts);
            expect(usage?.source).toBe('body');
          }
        },
      ),
    );
  });
  test('undetailed output is what was asked for; thoughts stay text', () => {
    const tokens = { promptTokenCount: 5, candidatesTokenCount: 100, thoughtsTokenCount: 7 };
    expect(sums(read(tokens, { modality: 'image' }))).toMatchObject({
      output_image_tokens: 100,
      output_text_tokens: 7,
    });
    expect(sums(read(tokens, { modality: 'speech' }))).toMatchObject({
      output_audio_tokens: 100,
      output_text_tokens: 7,
    });
  });
  test('grounding: distinct queries for Gemini 3, one prompt before; the served tier', () => {
    const response = { candidates: [{ groundingMetadata: { webSearchQueries: ['a', 'b', 'a', ''] } }] };
    const tokens = { promptTokenCount: 5, candidatesTokenCount: 5, trafficType: 'ON_DEMAND_PRIORITY' };
    expect(sums(read(tokens, { response }))?.tool_grounding_queries).toBe(2);
    expect(sums(read(tokens, { response, model: 'gemini-2.5-flash' }))?.tool_grounded_prompts).toBe(1);
    expect(read(tokens)?.dims).toEqual({ service_tier: 'priority' });
    expect(read({ promptTokenCount: 5, serviceTier: 'flex' })?.dims).toEqual({ service_tier: 'flex' });
  });
});

describe('openai-compatible', () => {
  const read = (usage: Json) => compatible.readUsage(observed(usage));
  test('DeepSeek: hit tokens alone, or repeated in the details, count once', () => {
    const base = {
      prompt_tokens: 100,
      completion_tokens: 1,
      prompt_cache_hit_tokens: 60,
      prompt_cache_miss_tokens: 40,
    };
    for (const usage of [base, { ...base, prompt_tokens_details: { cached_tokens: 60 } }]) {
      expect(sums(read(usage))).toEqual({ input_text_tokens: 40, cached_input_tokens: 60, output_text_tokens: 1 });
    }
  });
  test('reasoning is added only where the total shows it stands outside', () => {
    const usage = (total: number) => ({
      prompt_tokens: 12,
      completion_tokens: 10,
      total_tokens: total,
      completion_tokens_details: { reasoning_tokens: 8 },
    });
    expect(sums(read(usage(30)))?.output_text_tokens).toBe(18);
    expect(sums(read(usage(22)))?.output_text_tokens).toBe(10);
  });
  test('reported cost: ticks, totals, OpenRouter with and without own key; a bare number is not believed', () => {
    const tokens = { prompt_tokens: 1, completion_tokens: 1 };
    expect(read({ ...tokens, cost_in_usd_ticks: 1_176_500 })?.reportedCostUsd).toBe('0.00011765');
    expect(read({ ...tokens, cost: { total_cost: 0.019913 } })?.reportedCostUsd).toBe('0.019913');
    expect(read({ ...tokens, cost: 1.05e-5, is_byok: false })?.reportedCostUsd).toBe('0.0000105');
    const own = { ...tokens, cost: 0.0005, is_byok: true, cost_details: { upstream_inference_cost: 0.0195 } };
    expect(read(own)?.reportedCostUsd).toBe('0.02');
    expect(read({ ...tokens, cost: 0 })?.reportedCostUsd).toBeUndefined();
  });
  test('decimals keep every digit', () => {
    expect([decimal(1.05e-5), decimal(5e-7), decimal(1.5), decimal(1e21), decimal(0)]).toEqual([
      '0.0000105',
      '0.0000005',
      '1.5',
      '1000000000000000000000',
      '0',
    ]);
    expect([scaled(1, 10), scaled(100_000_000_000, 10), scaled(0, 10)]).toEqual(['0.0000000001', '10', '0']);
  });
});
