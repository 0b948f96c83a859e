import type { Json } from '../../../src/contract/index.ts';
import { toBase64 } from '../base64.ts';
import { random } from '../seed.ts';
import { countTokens } from '../text.ts';
import { check } from './check.ts';
import { requireKind } from './models.ts';
import { clientOf, type Desk, echoes, readJson, WireError } from './wire.ts';

/** POST /embeddings: texts that share words have vectors that point alike. */
export async function embeddings(desk: Desk, request: Request): Promise<Response> {
  const { text, body } = await readJson(request);
  const { strict } = desk.quirks;
  check(
    body,
    {
      model: { type: 'string', required: true },
      input: { type: ['string', 'array'], min: 1, max: Array.isArray(body.input) ? 2048 : undefined, required: true },
      encoding_format: { type: 'string', oneOf: ['float', 'base64'] },
      dimensions: { type: 'integer', min: 1 },
      user: { type: 'string' },
    },
    strict ? 'argument' : 'ignore',
  );
  const model = String(body.model);
  if (strict) requireKind(model, 'embedding', '/embeddings');
  const natural = desk.quirks.embeddingLength?.(model) ?? 1024;
  const length = typeof body.dimensions === 'number' ? body.dimensions : natural;
  if (strict && body.dimensions && /ada-002$/.test(model)) {
    throw new WireError(400, 'This model does not support specifying dimensions.', { param: 'dimensions' });
  }
  if (length > natural) {
    const message = `Invalid value for 'dimensions' = ${length}. Must be less than or equal to ${natural}.`;
    throw new WireError(400, message, { param: 'dimensions' });
  }
  const inputs = readInputs(body.input as Json);
  const tokens = inputs.reduce((sum, input) => sum + input.tokens, 0);
  const data = inputs.map((input, index) => {
    const vector = embed(`${desk.seed}|${model}`, input.text, natural, length);
    const embedding =
      body.encoding_format === 'base64' ? toBase64(new Uint8Array(vector.buffer)) : [...vector].map(short);
    return { object: 'embedding', index, embedding };
  });
  const id = desk.idFor('embd-', 'embeddings', text);
  desk.bill.add({
    client: clientOf(request),
    id,
    model,
    at: desk.now(),
    charges: [{ meter: 'input_text_tokens', quantity: tokens }],
  });
  const usage = {
    prompt_tokens: tokens,
    total_tokens: tokens,
    ...(desk.quirks.embeddingOutput ? { completion_tokens: 0 } : {}),
  };
  return Response.json({ ...(strict ? {} : { id }), object: 'list', data, model, usage, ...echoes(body) });
}

function readInputs(input: Json): { text: string; tokens: number }[] {
  const list = Array.isArray(input) && !input.every((item) => typeof item === 'number') ? input : [input];
  return list.map((item) => {
    const numbers = Array.isArray(item) && item.length > 0 && item.every((token) => Number.isInteger(token));
    if (typeof item !== 'string' && !numbers) {
      throw new WireError(400, "'$.input' is invalid. Expected a string, strings, or arrays of tokens.", {
        param: 'input',
      });
    }
    const text = typeof item === 'string' ? item : (item as number[]).join(' ');
    const tokens = typeof item === 'string' ? countTokens(item) : (item as number[]).length;
    if (tokens === 0)
      throw new WireError(400, "'$.input' is invalid. An empty string has no embedding.", { param: 'input' });
    if (tokens > 8192) {
      const message = `This model's maximum context length is 8192 tokens, however you requested ${tokens} tokens (${tokens} in your prompt; 0 for the completion). Please reduce your prompt; or completion length.`;
      throw new WireError(400, message, { param: 'input', code: 'context_length_exceeded' });
    }
    return { text, tokens };
  });
}

/** A unit vector: the sum of one fixed direction per word, cut to `length`. Integer sums keep engines equal. */
export function embed(seed: string, text: string, natural: number, length: number): Float32Array<ArrayBuffer> {
  const sum = new Float64Array(natural);
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [text];
  for (const word of words.slice(0, 256)) {
    const dice = random(`${seed}|${word}`);
    for (let place = 0; place < natural; place++) sum[place]! += dice.below(2001) - 1000;
  }
  const kept = sum.subarray(0, length);
  let square = 0;
  for (const value of kept) square += value * value;
  const norm = Math.sqrt(square) || 1;
  return Float32Array.from(kept, (value) => value / norm);
}

function short(value: number): number {
  return Math.round(value * 1e8) / 1e8;
}
