import { describe, expect, it } from 'vitest';
import { boundOfText, estimateTokens, usageOfBroken, usageOfDelivered } from '../../src/gateway/estimate.ts';

const model = { id: 'house/pen', provider: 'house', upstream: 'pen', modality: 'text' as const };

describe('estimates', () => {
  it('never counts text as nothing', () => {
    expect([0, 1, 4, 5].map(estimateTokens)).toEqual([0, 1, 1, 2]);
  });

  it('bounds a call by what was asked for, else by the model, else by a custom', () => {
    expect(boundOfText(model, 400, 50)).toEqual({ input_text_tokens: 100, output_text_tokens: 50 });
    expect(boundOfText({ ...model, maxOutputTokens: 1000 }, 0, undefined).output_text_tokens).toBe(1000);
    expect(boundOfText({ ...model, maxOutputTokens: 128_000 }, 0, undefined).output_text_tokens).toBe(4096);
    expect(boundOfText(model, 0, undefined).output_text_tokens).toBe(4096);
  });

  it('books what was delivered, within the bound, as estimated', () => {
    const bound = { input_text_tokens: 9, output_text_tokens: 5 };
    const usage = (delivered: number) => usageOfDelivered(bound, delivered);
    expect(usage(3)).toEqual({
      metered: [
        { meter: 'input_text_tokens', quantity: 9 },
        { meter: 'output_text_tokens', quantity: 3 },
      ],
      source: 'estimated',
    });
    expect(usage(50).metered[1]!.quantity).toBe(5);
    expect(usageOfDelivered(null, 3).metered.map((one) => one.quantity)).toEqual([0, 3]);
  });

  it('keeps the input a broken stream began with, and counts its output as delivered', () => {
    const begun = {
      metered: [
        { meter: 'input_text_tokens' as const, quantity: 70 },
        { meter: 'output_text_tokens' as const, quantity: 1 },
      ],
      dims: { tier: 'flex' },
      source: 'body' as const,
    };
    const broken = usageOfBroken(begun, { output_text_tokens: 100 }, 12);
    expect(broken).toEqual({
      metered: [
        { meter: 'input_text_tokens', quantity: 70 },
        { meter: 'output_text_tokens', quantity: 12 },
      ],
      dims: { tier: 'flex' },
      source: 'estimated',
    });
    expect(begun.metered[1]!.quantity, 'the original is not touched').toBe(1);
    expect(usageOfBroken(begun, { output_text_tokens: 100 }, 500).metered[1]!.quantity).toBe(100);
    expect(usageOfBroken({ ...begun, metered: begun.metered.slice(0, 1) }, null, 4).metered[1]).toEqual({
      meter: 'output_text_tokens',
      quantity: 4,
    });
  });
});
