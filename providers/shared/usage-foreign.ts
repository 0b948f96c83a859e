import { at, isObject, numberAt, type Observed, type Usage } from '../../src/contract/index.ts';
import { Leaves } from './leaves.ts';
import { readAnthropicUsage } from './usage-anthropic.ts';
import { readCompatibleUsage } from './usage-compatible.ts';
import { readDerivedUsage } from './usage-derived.ts';
import { readGeminiUsage } from './usage-gemini.ts';

/**
 * Usage of an upstream that the house does not call (yet): token figures by the shape that they borrow from a known API, everything else
 * as media vendors say it. Serves pricing only.
 */
export function readForeignUsage(observed: Observed): Usage | undefined {
  const { usage } = observed;
  const has = (name: string) => numberAt(usage, name) !== undefined;
  if (has('promptTokenCount') || has('candidatesTokenCount')) return readGeminiUsage(observed);
  if (at(usage, 'cache_creation_input_tokens') !== undefined || at(usage, 'cache_read_input_tokens') !== undefined) {
    return readAnthropicUsage(observed);
  }
  const { modality, sold } = observed;
  // Films that are sold by the token: what was completed is the film.
  if (modality === 'video' && has('completion_tokens') && sold?.includes('output_video_tokens')) {
    return new Leaves().add('output_video_tokens', numberAt(usage, 'completion_tokens')).usage('body', { raw: usage });
  }
  const tokens = ['prompt_tokens', 'input_tokens', 'output_tokens', 'cost_in_usd_ticks', 'pages_processed'];
  const byTokens = tokens.some(has) || (modality === 'embedding' && has('total_tokens'));
  if (byTokens || isObject(at(usage, 'billed_units')))
    return readCompatibleUsage(observed) ?? readDerivedUsage(observed);
  return readDerivedUsage(observed);
}
