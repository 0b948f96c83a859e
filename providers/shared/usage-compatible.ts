import { at, isObject, type Json, numberAt, type Observed, stringAt, type Usage } from '../../src/contract/index.ts';
import { tierOf } from './asked.ts';
import { decimal, Leaves, scaled, special, split } from './leaves.ts';
import { readAnthropicUsage } from './usage-anthropic.ts';
import { readChatTokens, readOpenaiUsage } from './usage-openai.ts';

/**
 * Usage of the upstreams that speak OpenAI's dialect with words of their own, told apart by shape, not by name: DeepSeek's hit and miss,
 * xAI's reasoning outside the completion and cost in ticks, OpenRouter's and Perplexity's cost, Cohere's billed units, Mistral's audio
 * seconds and pages.
 */
export function readCompatibleUsage(observed: Observed): Usage | undefined {
  const { usage } = observed;
  if (isObject(at(usage, 'billed_units'))) return readBilledUnits(usage);
  const pages = numberAt(usage, 'pages_processed');
  if (pages !== undefined) return readPages(observed, pages);
  const heard = numberAt(usage, 'prompt_audio_seconds');
  if (heard !== undefined && observed.modality === 'transcription') {
    return new Leaves().add('input_audio_seconds', heard).usage('body', { raw: usage });
  }
  const read = numberAt(usage, 'prompt_tokens') === undefined ? readOther(observed) : readChat(observed, heard);
  const cost = reportedCost(usage);
  if (cost === undefined) return read;
  return { ...(read ?? { metered: [], source: 'body', raw: usage }), reportedCostUsd: cost };
}

/** Messages and Responses bodies both say `input_tokens`; only the dialect tells whether the cache is inside. */
function readOther(observed: Observed): Usage | undefined {
  return observed.endpoint === 'anthropic-messages' ? readAnthropicUsage(observed) : readOpenaiUsage(observed);
}

function readChat(observed: Observed, heard: number | undefined): Usage | undefined {
  const { usage } = observed;
  const dims = special({ service_tier: tierOf(observed) });
  const whole = withCache(usage);
  const read = readChatTokens(whole, dims, outputOf(usage));
  if (!read) return undefined;
  read.raw = usage;
  if (heard) read.metered.push({ meter: 'input_audio_seconds', quantity: heard });
  const asked = stringAt(observed.request, 'web_search_options', 'search_context_size') ?? 'low';
  const sold = observed.sold ?? [];
  const context = stringAt(usage, 'search_context_size') ?? (sold.includes('requests') ? asked : undefined);
  addResearch(read, usage);
  if (context) read.metered.push({ meter: 'requests', quantity: 1, dims: { search_context_size: context } });
  return read;
}

/** Perplexity's deep research: what it cited, reasoned and searched stands beside the tokens and is billed apart. */
function addResearch(read: Usage, usage: Json | undefined): void {
  const cited = numberAt(usage, 'citation_tokens');
  const reasoned = numberAt(usage, 'reasoning_tokens');
  const searched = numberAt(usage, 'num_search_queries');
  if (cited) read.metered.push({ meter: 'input_text_tokens', quantity: cited, dims: { kind: 'citation' } });
  if (reasoned) read.metered.push({ meter: 'reasoning_tokens', quantity: reasoned });
  if (searched) read.metered.push({ meter: 'tool_web_search_calls', quantity: searched });
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
  const hit = numberAt(usage, 'prompt_cache_hit_tokens') ?? numberAt(usage, 'cached_tokens');
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
function reportedCost(usage: Json | undefined): string | undefined {
  const ticks = numberAt(usage, 'cost_in_usd_ticks');
  if (ticks !== undefined && ticks >= 0) return scaled(ticks, 10);
  const total = numberAt(usage, 'cost', 'total_cost');
  if (total !== undefined && total >= 0) return decimal(total);
  const cost = numberAt(usage, 'cost');
  const marked = at(usage, 'is_byok') !== undefined || at(usage, 'cost_details') !== undefined;
  if (cost === undefined || cost < 0 || !marked) return undefined;
  const upstream =
    at(usage, 'is_byok') === true ? numberAt(usage, 'cost_details', 'upstream_inference_cost') : undefined;
  return upstream === undefined ? decimal(cost) : addDecimals(decimal(cost), decimal(upstream));
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
  const input = billed('input_tokens');
  if (input !== undefined) {
    const { parts, rest } = split(input, [billed('image_tokens')]);
    leaves.add('input_text_tokens', rest).add('input_image_tokens', parts[0]);
  }
  leaves.add('output_text_tokens', billed('output_tokens')).add('rerank_search_units', billed('search_units'));
  return leaves.usage('body', { raw: usage });
}
