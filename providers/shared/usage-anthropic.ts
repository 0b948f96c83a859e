import { at, type Json, numberAt, type Observed, stringAt, type Usage } from '../../src/contract/index.ts';
import { tierOf } from './asked.ts';
import { Leaves, special, split } from './leaves.ts';

/**
 * Anthropic's usage as disjoint meters. `input_tokens` already excludes the cache. Tokens of `compaction` and `advisor_message`
 * iterations are not in the top-level figures, so they are added, the advisor's under its own model. After a fallback every
 * iteration is priced under the model that did it.
 */
export function readAnthropicUsage(observed: Observed): Usage | undefined {
  const { usage } = observed;
  if (numberAt(usage, 'input_tokens') === undefined && numberAt(usage, 'output_tokens') === undefined) return undefined;
  const leaves = new Leaves();
  const iterations = at(usage, 'iterations');
  const entries: Json[] = Array.isArray(iterations) ? iterations : [];
  const ofType = (...types: string[]) => entries.filter((entry) => types.includes(stringAt(entry, 'type') ?? ''));

  if (ofType('fallback_message').length > 0) {
    for (const entry of ofType('message', 'fallback_message')) addTurn(leaves, entry, observed.model);
  } else addTurn(leaves, usage, observed.model);
  for (const entry of ofType('compaction', 'advisor_message')) addTurn(leaves, entry, observed.model);

  leaves.add('tool_web_search_calls', numberAt(usage, 'server_tool_use', 'web_search_requests'));
  const dims = special({
    service_tier: tierOf(observed),
    speed: stringAt(usage, 'speed') ?? stringAt(observed.request, 'speed'),
    region: stringAt(usage, 'inference_geo') ?? stringAt(observed.request, 'inference_geo'),
  });
  // Each iteration is a call of its own: the longest one decides about the price of a long context.
  const contextTokens = entries.length === 0 ? undefined : Math.max(inputOf(usage), ...entries.map(inputOf));
  return leaves.usage('body', { dims, raw: usage, contextTokens });
}

function inputOf(turn: Json | undefined): number {
  const names = ['input_tokens', 'cache_read_input_tokens', 'cache_creation_input_tokens'];
  return names.reduce((sum, name) => sum + (numberAt(turn, name) ?? 0), 0);
}

function addTurn(leaves: Leaves, turn: Json | undefined, asked: string): void {
  const model = stringAt(turn, 'model');
  const more = model === undefined || model === asked ? {} : { model };
  const total = numberAt(turn, 'cache_creation_input_tokens');
  const short = numberAt(turn, 'cache_creation', 'ephemeral_5m_input_tokens');
  const long = numberAt(turn, 'cache_creation', 'ephemeral_1h_input_tokens');
  // Without the split, or beyond it, a write has the default lifetime of five minutes.
  const { parts, rest } = split(total ?? (short ?? 0) + (long ?? 0), [long]);
  leaves.add('input_text_tokens', numberAt(turn, 'input_tokens'), more);
  leaves.add('cached_input_tokens', numberAt(turn, 'cache_read_input_tokens'), more);
  leaves.add('cache_write_5m_tokens', rest, more).add('cache_write_1h_tokens', parts[0], more);
  leaves.add('output_text_tokens', numberAt(turn, 'output_tokens'), more);
}
