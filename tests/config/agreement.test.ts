import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { shipped } from '../../config/files.ts';
import { loadConfig } from '../../config/load.ts';
import type { Meter, Price } from '../../src/contract/index.ts';

const file = resolve(process.env.ATELIER_SHARED ?? '../shared', 'prices/litellm.json');

/** The day of the other catalogue: ours is asked for its prices of that day. */
const day = '2026-08-01';
const prefixes: Record<string, string> = {
  google: 'gemini/',
  deepseek: 'deepseek/',
  mistral: 'mistral/',
  xai: 'xai/',
  groq: 'groq/',
  together: 'together_ai/',
  qwen: 'dashscope/',
  openai: '',
  anthropic: '',
  cohere: '',
};
const fields: Partial<Record<Meter, string>> = {
  input_text_tokens: 'input_cost_per_token',
  cached_input_tokens: 'cache_read_input_token_cost',
  cache_write_tokens: 'cache_creation_input_token_cost',
  cache_write_5m_tokens: 'cache_creation_input_token_cost',
  cache_write_1h_tokens: 'cache_creation_input_token_cost_above_1hr',
  output_text_tokens: 'output_cost_per_token',
  input_audio_tokens: 'input_cost_per_audio_token',
  output_audio_tokens: 'output_cost_per_audio_token',
  input_image_tokens: 'input_cost_per_image_token',
  output_image_tokens: 'output_cost_per_image_token',
  input_characters: 'input_cost_per_character',
  input_audio_seconds: 'input_cost_per_second',
  images: 'output_cost_per_image',
};

/** Where the two differ, and who is right: model, meter and, where only that differs, the tier. Anything else that differs fails. */
const explained: Record<string, string> = {
  'openai/gpt-4o-mini-tts input_text_tokens': 'litellm has the rate of another model; Portkey has 0.6',
  'openai/gpt-4o-transcribe input_audio_tokens': 'litellm repeats the text rate; published is 6',
  'openai/gpt-4o-mini-transcribe input_audio_tokens': 'litellm repeats the text rate; published is 3',
  'openai/gpt-4o-mini-tts-2025-03-20 input_text_tokens': 'litellm has the rate of another model; Portkey has 0.6',
  'openai/gpt-4o-mini-tts-2025-12-15 input_text_tokens': 'litellm has the rate of another model; Portkey has 0.6',
  'openai/gpt-4o-transcribe-diarize input_audio_tokens': 'litellm repeats the text rate; published is 6',
  'openai/gpt-4o-mini-transcribe-2025-03-20 input_audio_tokens': 'litellm repeats the text rate; published is 3',
  'openai/gpt-4o-mini-transcribe-2025-12-15 input_audio_tokens': 'litellm repeats the text rate; published is 3',
  'openai/gpt-realtime-2 output_text_tokens':
    'litellm has the rate of the model before; Portkey and genai-prices have 24',
  'openai/gpt-5.5 input_text_tokens priority': 'litellm has twice the standard price; published is 2.5 times',
  'openai/gpt-5.5 cached_input_tokens priority': 'litellm has twice the standard price; published is 2.5 times',
  'openai/gpt-5.5 output_text_tokens priority': 'litellm has twice the standard price; published is 2.5 times',
  'openai/gpt-5.5-2026-04-23 input_text_tokens priority':
    'litellm has twice the standard price; published is 2.5 times',
  'openai/gpt-5.5-2026-04-23 cached_input_tokens priority':
    'litellm has twice the standard price; published is 2.5 times',
  'openai/gpt-5.5-2026-04-23 output_text_tokens priority':
    'litellm has twice the standard price; published is 2.5 times',
  'google/gemini-3.1-flash-image-preview input_text_tokens': 'litellm has half of it; Portkey has 0.5',
  'google/gemini-3.1-flash-image-preview output_text_tokens': 'litellm has half of it; Portkey has 3',
  'google/gemini-3.1-flash-image input_text_tokens': 'litellm has half of it; Portkey has 0.5',
  'google/gemini-3.1-flash-image output_text_tokens': 'litellm has half of it; Portkey has 3',
  'google/gemini-2.5-flash-preview-tts input_text_tokens': "litellm has the text model's rate; Portkey has 0.5",
  'google/gemini-2.5-pro-preview-tts input_text_tokens': "litellm has the text model's rate; Portkey has 1",
  'groq/whisper-large-v3-turbo input_audio_seconds': 'litellm rounds 0.04 an hour to four digits a second',
  'groq/whisper-large-v3 input_audio_seconds': 'litellm rounds 0.111 an hour to four digits a second',
};

type Entry = Record<string, unknown>;

function theirs(catalogue: Record<string, Entry>, price: Price): number | undefined {
  const field = fields[price.meter];
  const prefix = prefixes[price.provider];
  if (field === undefined || prefix === undefined) return undefined;
  let name = field;
  if (price.contextOver !== undefined) name += `_above_${price.contextOver / 1000}k_tokens`;
  const tier = price.dims?.service_tier;
  if (tier === 'batch') name += '_batches';
  else if (tier !== undefined) name += `_${tier}`;
  const value = catalogue[prefix + price.model]?.[name];
  return typeof value === 'number' && value > 0 ? value : undefined;
}

test.skipIf(!existsSync(file))(
  'prices agree with litellm of 2026-08-01 but for what is explained (needs ../shared)',
  async () => {
    const catalogue = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Entry>;
    const { prices } = await loadConfig(shipped);
    const held = prices.filter(
      (price) =>
        (price.from ?? '') <= day &&
        day < (price.until ?? '9999') &&
        Object.keys(price.dims ?? {}).every((name) => name === 'service_tier'),
    );
    const differences: string[] = [];
    let compared = 0;
    for (const price of held) {
      const other = theirs(catalogue, price);
      if (other === undefined) continue;
      compared++;
      const own = Number(price.price) / Number(price.per);
      const place = `${price.provider}/${price.model} ${price.meter}`;
      const known = explained[place] ?? explained[`${place} ${price.dims?.service_tier}`];
      if (Math.abs(own - other) > other * 1e-4 && !known) {
        differences.push(
          `${price.provider}/${price.model} ${price.meter} ${JSON.stringify(price.dims ?? {})} ${own} ≠ ${other}`,
        );
      }
    }
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(150);
    for (const key of Object.keys(explained)) {
      const [model, meter, tier] = key.split(' ');
      const price = held.find(
        (row) =>
          `${row.provider}/${row.model}` === model &&
          row.meter === meter &&
          (tier === undefined || row.dims?.service_tier === tier),
      );
      const other = price && theirs(catalogue, price);
      expect(other, `${key} is explained but does not differ`).toBeDefined();
      expect(Number(price?.price) / Number(price?.per), key).not.toBeCloseTo(other ?? 0, 12);
    }
  },
);
