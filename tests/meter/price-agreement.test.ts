import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createBasePrices, type Published } from '../../config/base-prices.ts';
import { shipped } from '../../config/files.ts';
import { readForeignCatalogue } from '../../config/foreign-catalogue.ts';
import { loadConfig } from '../../config/load.ts';
import { type Diff, diffPrices } from '../../config/price-diff.ts';
import { diffBase } from '../../config/price-refresh.ts';
import type { Json } from '../../src/contract/index.ts';
import { sharedFolder } from '../support/spec.ts';

/** Beginnings of the places at which the shipped prices differ from another catalogue, and why ours stand. All others fail. */
type Explained = Record<string, string>;

const portkey: Explained = {
  'deepseek/deepseek-v4-flash ': 'the price before 2026-08-17; the vendor changed it on that day',
  'deepseek/deepseek-v4-pro ': 'the price before 2026-08-17; the vendor changed it on that day',
  'openai/gpt-4o-audio-preview input_audio_tokens': 'the price of the first preview; litellm has 40',
  'openai/gpt-4o-audio-preview output_audio_tokens': 'the price of the first preview; litellm has 80',
  'openai/gpt-4o-transcribe input_audio_tokens': 'a price of minutes in a field of tokens',
  'openai/gpt-4o-mini-transcribe input_audio_tokens': 'a price of minutes in a field of tokens',
  'openai/o4-mini cached_input_tokens service_tier=flex': 'rounded to three places: half of 0.275 is 0.1375',
  'openai/o4-mini-2025-04-16 cached_input_tokens service_tier=flex': 'rounded to three places',
  'openai/gpt-4o-mini-audio-preview-2024-12-17 ': 'input and output are swapped',
  'openai/gpt-realtime cached_input_tokens': 'columns are shifted: 16 is the price of output',
  'openai/gpt-realtime-2025-08-28 cached_input_tokens': 'columns are shifted: 16 is the price of output',
  'openai/gpt-audio-mini ': 'a tenth of what litellm and its own dated rows have',
  'xai/grok-3-fast-latest ': "has the slower model's prices; the vendor's page had 5 and 25",
  'xai/grok-3-mini-fast ': "has the slower model's prices; the vendor's page had 0.6 and 4",
  'xai/grok-4.5 cached_input_tokens': 'the price at launch; litellm and the page that was read have 0.5',
};

const base: Explained = {
  'openai/gpt-image-2 output_text_tokens': 'has one price of output, that of pictures',
  'openai/gpt-image-2-2026-04-21 output_text_tokens': 'has one price of output, that of pictures',
  'xai/grok-4.5 cached_input_tokens': 'the price at launch; litellm and the page that was read have 0.5',
  'openrouter/meta-llama/llama-3.3-70b-instruct ': 'the cheapest of its hosts; what a call cost is told by its answer',
};

const folder = join(sharedFolder, 'prices/portkey');
const config = await loadConfig(shipped);
const require = createRequire(import.meta.url);

function hold({ differences, compared }: Diff, explained: Explained, least: number): void {
  const places = differences.map(({ where }) => where);
  const known = Object.keys(explained);
  expect(places.filter((where) => !known.some((start) => where.startsWith(start)))).toEqual([]);
  expect(known.filter((start) => !places.some((where) => where.startsWith(start)))).toEqual([]);
  expect(compared).toBeGreaterThan(least);
}

describe('the shipped prices agree with other catalogues but for what is explained', () => {
  test.skipIf(!existsSync(folder))('Portkey of August 2026 (needs ../shared)', () => {
    const day = '2026-08-20';
    const files = readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => ({
        name: name.replace(/\.json$/, ''),
        content: JSON.parse(readFileSync(join(folder, name), 'utf8')) as Json,
      }));
    hold(diffPrices(config.prices, readForeignCatalogue(files, day).prices, day), portkey, 850);
  });

  test('the pinned genai-prices', () => {
    const published = createBasePrices(() => require('@pydantic/genai-prices') as Published);
    hold(diffBase(config.prices, published, '2026-11-22'), base, 650);
  });
});
