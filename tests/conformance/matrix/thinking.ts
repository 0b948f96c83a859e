import { expect } from 'vitest';
import { at, type Json } from '../../../src/contract/index.ts';
import { ask, type Lane, type Outcome, weather } from './cells.ts';
import { framesOf, type Received } from './world.ts';

/** What an upstream's answer holds that must come back to it unchanged. */
const proofOf: Record<string, (received: Received) => string[]> = {
  anthropic: ({ answer }) => valuesOf(answer(), ['signature', 'data']),
  google: ({ answer }) => valuesOf(answer(), ['thoughtSignature']),
  openai: ({ answer }) => valuesOf(answer(), ['encrypted_content']),
};

/**
 * A tool is called while thinking, plain and streamed; the client sends its own messages back with the result. What the
 * upstream signed must be in the second request byte for byte, whichever dialect carried it in between.
 */
export async function thinkingTwice(lane: Lane): Promise<Outcome> {
  const model = lane.upstream.thinker ?? lane.upstream.model;
  const provider = model.split('/')[0]!;
  let shown = '';
  let proofs = 0;
  for (const stream of [false, true]) {
    const question = { tools: [weather], thinks: true, stream };
    const history = lane.client.user('Use get_weather: how is it in Oslo for 3 days?');
    const first = await ask(lane, { ...question, history }, model);
    expect(first.calls.map((call) => call.name)).toEqual(['get_weather']);
    const signed = proofOf[provider]?.(lane.world.received.at(-1)!) ?? [];
    const answers = lane.client.results(first.calls.map((call) => ({ ...call, output: 'snow' })));
    const next = [...history, ...first.turn, ...answers];
    const second = await ask(lane, { ...question, history: next }, model);
    expect(second.text).toContain('snow');
    const request = JSON.stringify(lane.world.received.at(-1)!.body);
    for (const proof of signed) expect(request).toContain(JSON.stringify(proof));
    proofs += signed.length;
    shown += first.reasoning;
  }
  if (proofs > 0) return undefined;
  expect(provider, 'this provider signs what it thinks').not.toMatch(/^(anthropic|google)$/);
  return shown === ''
    ? 'The upstream keeps its thinking to itself on the API used here: there is no signature to carry.'
    : 'The upstream shows its thinking unsigned: the text arrives, there is no signature to carry.';
}

/** Every non-empty text under one of these names, anywhere in a JSON body or in the frames of a stream. */
function valuesOf(answer: string, names: string[]): string[] {
  const found = new Set<string>();
  const walk = (value: Json) => {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, inner] of Object.entries(value)) {
      if (typeof inner === 'string' && inner !== '' && names.includes(name)) found.add(inner);
      else walk(inner);
    }
  };
  for (const json of answer.startsWith('{') ? [JSON.parse(answer) as Json] : framesOf(answer)) walk(json);
  // a tool call holds the names of other things: only signatures are opaque enough to be told apart by length
  return [...found].filter((value) => value.length >= 16 && at(value) === value);
}
