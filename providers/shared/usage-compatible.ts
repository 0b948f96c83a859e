import {
  at,
  type Dims,
  isObject,
  type Json,
  type Meter,
  numberAt,
  type Observed,
  stringAt,
  type Usage,
} from '../../src/contract/index.ts';
import { tierOf } from './asked.ts';
import { decimal, Leaves, scaled, special } from './leaves.ts';
import { readAnthropicUsage } from './usage-anthropic.ts';
import { readDerivedUsage } from './usage-derived.ts';
import { readChatTokens, readOpenaiUsage } from './usage-openai.ts';

/**
 * Usage of the upstreams that speak OpenAI's dialect with words of their own, told apart by shape, not by name: DeepSeek's hit and miss,
 * xAI's reasoning outside the completion and cost in ticks, OpenRouter's and Perplexity's cost, Cohere's billed units, Mistral's audio
 * seconds and pages.
 * @param costInUsd true where the upstream's row says that a bare `cost` is dollars.
 */
export function readCompatibleUsage(observed: Observed, costInUsd = false): Usage | undefined {
  const { usage } = observed;
  if (isObject(at(usage, 'billed_units'))) return readBilledUnits(usage);
  const pages = numberAt(usage, 'pages_processed');
  if (pages !== undefined) return readPages(observed, pages);
  const heard = numberAt(usage, 'prompt_audio_seconds');
  if (heard !== undefined && observed.modality === 'transcription') {
    return new Leaves().add('input_audio_seconds', heard).usage('body', { raw: usage });
  }
  const read = numberAt(usage, 'prompt_tokens') === undefined ? readOther(observed) : readChat(observed, heard);
  const cost = reportedCost(usage, costInUsd);
  if (cost === undefined) return read;
  return { ...(read ?? { metered: [], source: 'body', raw: usage }), reportedCostUsd: cost };
}

/** Messages and Responses bodies both say `input_tokens`; only the dialect tells whether the cache is inside. */
function readOther(observed: Observed): Usage | undefined {
  const { modality, usage, sold } = observed;
  const whole = numberAt(usage, 'total_tokens');
  if (modality === 'embedding' && whole !== undefined && numberAt(usage, 'input_tokens') === undefined) {
    return new Leaves().add('input_text_tokens', whole).usage('body', { raw: usage });
  }
  // Pictures are sold by their number only by OpenAI itself.
  if (modality === 'image' && sold?.includes('megapixels') && !sold.includes('images'))
    return readDerivedUsage(observed);
  return observed.endpoint === 'anthropic-messages' ? readAnthropicUsage(observed) : readOpenaiUsage(observed);
}

function readChat(observed: Observed, heard: number | undefined): Usage | undefined {
  const { usage } = observed;
  const dims = special({ service_tier: tierOf(observed) });
  const whole = withCache(usage);
  const read = readChatTokens(whole, dims, outputOf(usage));
  if (!read) return undefined;
  read.raw = usage;
  if (heard !== undefined && heard > 0) read.metered.push({ meter: 'input_audio_seconds', quantity: heard });
  const asked = stringAt(observed.request, 'web_search_options', 'search_context_size') ?? 'low';
  const sold = observed.sold ?? [];
  const context = stringAt(usage, 'search_context_size') ?? (sold.includes('requests') ? asked : undefined);
  addResearch(read, usage);
  if (context) read.metered.push({ meter: 'requests', quantity: 1, dims: { search_context_size: context } });
  return read;
}

/** Perplexity's deep research: what it cited, reasoned and searched stands beside the tokens and is billed apart. */
function addResearch(read: Usage, usage: Json | undefined): void {
  const add = (meter: Meter, name: string, dims?: Dims) => {
    const quantity = numberAt(usage, name) ?? 0;
    if (quantity > 0) read.metered.push({ meter, quantity, ...(dims ? { dims } : {}) });
  };
  add('input_text_tokens', 'citation_tokens', { kind: 'citation' });
  add('reasoning_tokens', 'reasoning_tokens');
  add('tool_web_search_calls', 'num_search_queries');
  // xAI's live search was billed by the source that it used.
  add('tool_web_search_calls', 'num_sources_used', { kind: 'source' });
}

/** A page that is also annotated (boxes or the whole document) has a price of its own. */
function readPages({ usage, request }: Observed, pages: number): Usage | undefined {
  const formats = ['document_annotation_format', 'bbox_annotation_format'];
  const annotated = formats.some((name) => at(request, name) !== undefined && at(request, name) !== null);
  const dims = { annotated: 'true' };
  const leaves = new Leaves().add('pages', pages, annotated || at(request, 'annotated') === true ? { dims } : {});
  return leaves.usage('body', { raw: usage });
}

/** `prompt_cache_hit_tokens` in OpenAI's place for it, unless that is filled already: the same tokens must not count twice. */
function withCache(usage: Json | undefined): Json | undefined {
  const names = ['prompt_cache_hit_tokens', 'cached_tokens', 'num_cached_tokens'];
  const hit = names.map((name) => numberAt(usage, name)).find((tokens) => tokens !== undefined);
  if (hit === undefined || !isObject(usage) || numberAt(usage, 'prompt_tokens_details', 'cached_tokens') !== undefined)
    return usage;
  const details = isObject(usage.prompt_tokens_details) ? usage.prompt_tokens_details : {};
  return { ...usage, prompt_tokens_details: { ...details, cached_tokens: hit } };
}

/** Completion tokens, with reasoning added where the provider's own total shows that it stands outside. */
function outputOf(usage: Json | undefined): number | undefined {
  const completion = numberAt(usage, 'completion_tokens');
  const reasoning = numberAt(usage, 'completion_tokens_details', 'reasoning_tokens') ?? 0;
  const total = numberAt(usage, 'total_tokens');
  if (completion === undefined || reasoning === 0 || total === undefined) return completion;
  const outside = total === (numberAt(usage, 'prompt_tokens') ?? 0) + completion + reasoning;
  return outside ? completion + reasoning : completion;
}

/** The provider's own price. A bare `cost` number counts only beside the fields that OpenRouter sends with it. */
function reportedCost(usage: Json | undefined, costInUsd: boolean): string | undefined {
  const ticks = numberAt(usage, 'cost_in_usd_ticks');
  if (ticks !== undefined && ticks >= 0) return scaled(ticks, 10);
  const total = numberAt(usage, 'cost', 'total_cost');
  if (total !== undefined && total >= 0) return decimal(total);
  const cost = numberAt(usage, 'cost');
  const marked = costInUsd || at(usage, 'is_byok') !== undefined || at(usage, 'cost_details') !== undefined;
  if (cost === undefined || cost < 0 || !marked) return undefined;
  const upstream =
    at(usage, 'is_byok') === true ? numberAt(usage, 'cost_details', 'upstream_inference_cost') : undefined;
  return upstream === undefined || upstream < 0 ? decimal(cost) : addDecimals(decimal(cost), decimal(upstream));
}

function addDecimals(one: string, other: string): string {
  const digits = Math.max(...[one, other].map((text) => text.split('.')[1]?.length ?? 0));
  const whole = (text: string) => BigInt((text.split('.')[0] ?? '') + (text.split('.')[1] ?? '').padEnd(digits, '0'));
  const sum = (whole(one) + whole(other)).toString().padStart(digits + 1, '0');
  return digits === 0 ? sum : `${sum.slice(0, -digits)}.${sum.slice(-digits)}`.replace(/\.?0+$/, '');
}

/** Cohere bills `billed_units`; its `tokens` are larger and not what is paid. */
function readBilledUnits(usage: Json | undefined): Usage | undefined {
  const billed = (name: string) => numberAt(usage, 'billed_units', name);
  const leaves = new Leaves();
  leaves.add('input_text_tokens', billed('input_tokens')).add('input_image_tokens', billed('image_tokens'));
  if (billed('image_tokens') === undefined) leaves.add('images', billed('images'));
  leaves.add('output_text_tokens', billed('output_tokens')).add('rerank_search_units', billed('search_units'));
  return leaves.usage('body', { raw: usage });
}
