import type { Json, JsonObject, Model, Usage } from '../contract/index.ts';
import { numberAt } from '../contract/index.ts';

/** What an answer without a stated limit is assumed to have at most, when nobody can say what it had. */
const assumedOutputTokens = 4096;

/** About four characters a token: used only where a provider does not say, and always flagged. */
export function estimateTokens(characters: number): number {
  return Math.ceil(characters / 4);
}

/** The most a text call can consume: kept with the attempt, booked as estimated if its outcome is never known. */
export function boundOfText(model: Model, characters: number, maxOutputTokens: number | undefined): JsonObject {
  const output = maxOutputTokens ?? Math.min(model.maxOutputTokens ?? assumedOutputTokens, assumedOutputTokens);
  return { input_text_tokens: estimateTokens(characters), output_text_tokens: output };
}

/** What a stream that never told its usage is booked at: the input as estimated, the output as delivered. */
export function usageOfDelivered(bound: Json, deliveredTokens: number): Usage {
  const input = numberAt(bound, 'input_text_tokens') ?? 0;
  const most = numberAt(bound, 'output_text_tokens') ?? deliveredTokens;
  return {
    metered: [
      { meter: 'input_text_tokens', quantity: input },
      { meter: 'output_text_tokens', quantity: Math.min(deliveredTokens, most) },
    ],
    source: 'estimated',
  };
}

/** What a stream that broke off is booked at: the figures it began with, its output at least as delivered. */
export function usageOfBroken(begun: Usage, bound: Json, deliveredTokens: number): Usage {
  const delivered = Math.min(deliveredTokens, numberAt(bound, 'output_text_tokens') ?? deliveredTokens);
  const metered = begun.metered.map((one) => ({ ...one }));
  const output = metered.find((one) => one.meter === 'output_text_tokens');
  if (output) output.quantity = Math.max(output.quantity, delivered);
  else metered.push({ meter: 'output_text_tokens', quantity: delivered });
  return { ...begun, metered, source: 'estimated' };
}
