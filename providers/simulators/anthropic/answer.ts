import type { JsonObject } from '../../../src/contract/index.ts';
import type { Charge } from '../bill.ts';
import { countTokens, type Prompt, type Script, think } from '../text.ts';
import type { InputSplit } from './cache.ts';
import type { MessageBody } from './request.ts';
import { sign } from './signature.ts';

/** A content block of the answer with what it costs to write. */
export type Written = { block: JsonObject; tokens: number };

export type Answer = {
  written: Written[];
  /** The message around the blocks, as in a plain answer. */
  message: JsonObject;
  input: InputSplit;
  outputTokens: number;
};

/** Lets the simulated mind answer, within `max_tokens`. */
export function answer(
  body: MessageBody,
  prompt: Prompt,
  input: InputSplit,
  identity: { id: string; seed: string; echoed: JsonObject },
): Answer {
  const refused = prompt.user.includes('[[refusal]]');
  const script = think(refused ? { ...prompt, user: "Say exactly: I can't help with that.", tools: [] } : prompt);
  const { written, cut } = writeBlocks(body, script, identity);
  const outputTokens = written.reduce((sum, part) => sum + part.tokens, 0);
  const thinking = written.find((part) => part.block.type === 'thinking')?.tokens ?? 0;
  const stop = refused ? 'refusal' : cut ? 'max_tokens' : stopReasons[script.finish];
  const details = refused
    ? { type: 'refusal', category: null, explanation: 'The simulated safety classifier was told to refuse.' }
    : null;
  return {
    written,
    input,
    outputTokens,
    message: {
      ...identity.echoed,
      id: identity.id,
      type: 'message',
      role: 'assistant',
      model: body.model,
      content: written.map((part) => part.block),
      container: null,
      diagnostics: null,
      stop_reason: stop,
      stop_sequence: stop === 'stop_sequence' ? (script.stopSequence ?? null) : null,
      stop_details: details,
      usage: {
        input_tokens: input.fresh,
        cache_creation_input_tokens: input.write5m + input.write1h,
        cache_read_input_tokens: input.read,
        cache_creation: { ephemeral_5m_input_tokens: input.write5m, ephemeral_1h_input_tokens: input.write1h },
        output_tokens: outputTokens,
        output_tokens_details: { thinking_tokens: thinking },
        server_tool_use: null,
        service_tier: 'standard',
        speed: body.speed ?? 'standard',
        inference_geo: body.inference_geo ?? 'global',
      },
    },
  };
}

const stopReasons: Record<Script['finish'], string> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  stop_sequence: 'stop_sequence',
};

function writeBlocks(
  body: MessageBody,
  script: Script,
  identity: { id: string; seed: string },
): { written: Written[]; cut: boolean } {
  const written: Written[] = [];
  let room = body.max_tokens;
  let cut = false;
  if (script.reasoning && room > 0) {
    const words = script.reasoning.slice(0, room * 4);
    const hidden = body.thinking && 'display' in body.thinking && body.thinking.display === 'omitted';
    const tokens = countTokens(words);
    const block = { type: 'thinking', thinking: hidden ? '' : words, signature: sign(identity.seed, words) };
    written.push({ block, tokens });
    room -= tokens;
    cut = words.length < script.reasoning.length;
  }
  for (const [index, call] of script.toolCalls.entries()) {
    const tokens = 4 + countTokens(JSON.stringify(call));
    if (tokens > room) {
      cut = true;
      break;
    }
    const id = identity.id.replace(/^msg_/, 'toolu_') + index;
    written.push({
      block: { type: 'tool_use', id, name: call.name, input: call.arguments, caller: { type: 'direct' } },
      tokens,
    });
    room -= tokens;
  }
  const text = script.text.slice(0, Math.max(0, room) * 4);
  if (text) written.push({ block: { type: 'text', text, citations: null }, tokens: countTokens(text) });
  return { written, cut: cut || text.length < script.text.length };
}

/** The invoice lines of the input; the output line is the caller's, since it grows while streaming. */
export function inputCharges(split: InputSplit, dims: Charge['dims']): Charge[] {
  const charges: Charge[] = [
    { meter: 'input_text_tokens', quantity: split.fresh },
    { meter: 'cached_input_tokens', quantity: split.read },
    { meter: 'cache_write_5m_tokens', quantity: split.write5m },
    { meter: 'cache_write_1h_tokens', quantity: split.write1h },
  ];
  return charges.filter((charge) => charge.quantity > 0).map((charge) => (dims ? { ...charge, dims } : charge));
}
