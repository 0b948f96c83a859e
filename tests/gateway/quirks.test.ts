import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/contract/index.ts';
import { applyQuirks, quirkWarnings } from '../../src/gateway/quirks.ts';

const messages: JsonObject[] = [
  { role: 'user', content: 'hi' },
  { role: 'assistant', content: null, reasoning_content: 'hm', tool_calls: [] },
];

describe('what a row declares of its provider', () => {
  it('leaves a body alone where nothing is to be done', () => {
    const body = { model: 'm', messages, reasoning_effort: 'minimal', stream_options: {} };
    expect(applyQuirks(body, undefined)).toBe(body);
    expect(applyQuirks(body, { usage_unasked: true, efforts: ['low'], reasoning_field: 'none' })).toBe(body);
    expect(applyQuirks(body, { drop: ['user'], rename: { seed: 'random_seed' } }, true)).toBe(body);
  });

  it('drops and renames, and says what it dropped', () => {
    const quirks = { drop: ['user', 'logprobs', 'store'], rename: { seed: 'random_seed' }, no_stream_options: true };
    const body = { user: 'u', logprobs: false, seed: 7, stream_options: { include_usage: true }, kept: 1 };
    expect(applyQuirks(body, quirks)).toEqual({ random_seed: 7, kept: 1 });
    expect(quirkWarnings(body, quirks, 'p')).toEqual(['"user" is not taken by p and was left out.']);
  });

  it.each([
    ['minimal', ['low', 'medium', 'high'], 'low'],
    ['max', ['low', 'medium', 'high'], 'high'],
    ['low', ['none', 'high'], 'high'],
    ['minimal', ['none', 'high'], 'none'],
  ])('asks for the nearest effort to %s among %s: %s', (wish, efforts, nearest) => {
    const body = { reasoning_effort: wish };
    expect(applyQuirks(body, { efforts }, true)).toEqual({ reasoning_effort: nearest });
    expect(quirkWarnings(body, { efforts }, 'p', true)).toEqual([
      `p knows no reasoning effort "${wish}": "${nearest}" was asked for.`,
    ]);
    expect(applyQuirks(body, { efforts })).toBe(body);
    expect(quirkWarnings(body, { efforts }, 'p')).toEqual([]);
  });

  it('brings reasoning back in the field that the provider takes, in bodies of ours only', () => {
    const fitted = (field: string) => applyQuirks({ messages }, { reasoning_field: field }, true).messages;
    expect(fitted('reasoning')).toEqual([
      messages[0],
      { role: 'assistant', content: null, tool_calls: [], reasoning: 'hm' },
    ]);
    expect(fitted('none')).toEqual([messages[0], { role: 'assistant', content: null, tool_calls: [] }]);
  });

  it('takes out stream options that only we wrote', () => {
    const body = { stream_options: { include_usage: true } };
    expect(applyQuirks(body, { usage_unasked: true }, true)).toEqual({});
    expect(applyQuirks(body, { usage_unasked: true })).toBe(body);
  });
});
