import type { Json } from './json.ts';
import type { CostBasis } from './receipt.ts';

/** Disjoint units of consumption: no token is counted under two meters. */
export const meters = [
  'input_text_tokens',
  'cached_input_tokens',
  'cached_input_audio_tokens',
  'cached_input_image_tokens',
  'cache_write_tokens',
  'cache_write_5m_tokens',
  'cache_write_1h_tokens',
  'output_text_tokens',
  'reasoning_tokens',
  'input_audio_tokens',
  'output_audio_tokens',
  'input_image_tokens',
  'output_image_tokens',
  'input_video_tokens',
  'output_video_tokens',
  'images',
  'megapixels',
  'songs',
  'models_3d',
  'models_3d_addon',
  'input_characters',
  'input_audio_seconds',
  'output_audio_seconds',
  'output_video_seconds',
  'gpu_seconds',
  'provider_units',
  'provider_credits',
  'pages',
  'rerank_search_units',
  'requests',
  'tool_web_search_calls',
  'tool_file_search_calls',
  'tool_grounded_prompts',
  'tool_grounding_queries',
  'tool_code_runs',
] as const;

export type Meter = (typeof meters)[number];

/** Dimensions that select a price: size, quality, resolution, hardware, tier, context… */
export type Dims = Record<string, string>;

/**
 * One counted quantity. `quantity` is a JS number whose shortest decimal form is the provider's own (3.008 stays 3.008).
 * `model` is set only when another model than the asked one did this part of the work.
 */
export type Metered = { meter: Meter; quantity: number; dims?: Dims; model?: string };

/**
 * What a call consumed. An absent meter is unknown, never 0.
 * `source` says where the figures came from; `estimated` marks our own count.
 * `dims` apply to every metered quantity (service tier, region, context length).
 * `reportedCostUsd` is the provider's own price as a decimal string.
 */
export type Usage = {
  metered: Metered[];
  dims?: Dims;
  source: 'body' | 'header' | 'derived' | 'estimated';
  reportedCostUsd?: string;
  /** Says more exactly than `source` what the figures rest on. */
  basis?: CostBasis;
  /** Input tokens of the largest single turn, where the metered ones are of several: chooses the context tier. */
  contextTokens?: number;
  raw?: Json;
};
