import type { GenerationRecord } from '../books/index.ts';
import type { JsonObject, Meter } from '../contract/index.ts';

/** What the receipt of the last attempt counted, by meter; undefined where nothing was counted in tokens. */
export function tokensOf(record: GenerationRecord): Map<Meter, number> | undefined {
  const counts = countsOf(record);
  return [...counts.keys()].some((meter) => meter.endsWith('_tokens')) ? counts : undefined;
}

function countsOf({ attempts }: GenerationRecord): Map<Meter, number> {
  const counts = new Map<Meter, number>();
  for (const { meter, quantity } of attempts.at(-1)?.receipt?.lines ?? []) {
    counts.set(meter, (counts.get(meter) ?? 0) + quantity);
  }
  return counts;
}

/** Tokens of spoken output; where the provider counts none, none were billed. */
export function speechUsage(record: GenerationRecord): JsonObject {
  const [input, output] = sums(tokensOf(record) ?? new Map());
  return { input_tokens: input, output_tokens: output, total_tokens: input + output };
}

/** Usage of a transcript as OpenAI tells it: tokens, else the seconds that were heard; undefined where neither is known. */
export function transcriptUsage(record: GenerationRecord): JsonObject | undefined {
  const counts = countsOf(record);
  if (!tokensOf(record)) {
    const seconds = counts.get('input_audio_seconds') ?? record.units?.seconds;
    return seconds === undefined ? undefined : { type: 'duration', seconds };
  }
  const [input, output] = sums(counts);
  const text = (counts.get('input_text_tokens') ?? 0) + (counts.get('cached_input_tokens') ?? 0);
  return {
    type: 'tokens',
    total_tokens: input + output,
    input_tokens: input,
    input_token_details: { text_tokens: text, audio_tokens: input - text },
    output_tokens: output,
  };
}

function sums(counts: ReadonlyMap<Meter, number>): [input: number, output: number] {
  let input = 0;
  let output = 0;
  for (const [meter, quantity] of counts) {
    if (!meter.endsWith('_tokens')) continue;
    if (meter.startsWith('output_') || meter === 'reasoning_tokens') output += quantity;
    else input += quantity;
  }
  return [input, output];
}
