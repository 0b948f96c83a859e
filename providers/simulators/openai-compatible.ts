import { presets } from './openai/presets.ts';
import { openaiUsage, type Quirks } from './openai/quirks.ts';
import { routes } from './openai/routes.ts';
import { createSimulator, type Simulator, type SimulatorOptions } from './simulator.ts';
import { surfaces } from './surfaces/index.ts';

const plain: Quirks = {
  strict: false,
  keyless: false,
  idPrefix: 'chatcmpl-',
  reasons: () => false,
  usage: openaiUsage,
  streamUsage: 'asked',
};

/**
 * An upstream that speaks OpenAI's chat language, simulated: chat completions, models and, where it has them, embeddings;
 * of mistral, groq and cohere also what their own SDKs call (surfaces/).
 * Any model id is served and unknown fields pass.
 * @param id deepseek, mistral, xai, groq, together, cohere, qwen, openrouter and vllm have usage dialects of their own; any other id is plain.
 * @param quirks overrides what is known of `id`.
 */
export function openaiCompatible(id: string, quirks: Partial<Quirks> = {}, options: SimulatorOptions = {}): Simulator {
  const whole: Quirks = { ...plain, ...presets[id], ...quirks };
  return createSimulator(id, (context) => routes(context, whole, options.prices ?? [], surfaces[id]), options);
}
