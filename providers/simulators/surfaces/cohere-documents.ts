import type { Json, JsonObject } from '../../../src/contract/index.ts';
import { isObject, stringAt } from '../../../src/contract/index.ts';
import { toBase64 } from '../base64.ts';
import { check } from '../openai/check.ts';
import { embed } from '../openai/embeddings.ts';
import type { Endpoint } from '../openai/routes.ts';
import { clientOf, type Desk, readJson, WireError } from '../openai/wire.ts';
import { countTokens } from '../text.ts';

/** Cohere's own embeddings and ranking. https://docs.cohere.com/reference/embed https://docs.cohere.com/reference/rerank */
export const cohereDocuments: Record<string, Endpoint> = {
  '/v2/embed': refusing(embedding),
  '/v2/rerank': refusing(rerank),
};

/** The endpoint, its refusals in Cohere's envelope. */
export function refusing(endpoint: Endpoint): Endpoint {
  return async (desk, request) => {
    try {
      return await endpoint(desk, request);
    } catch (thrown) {
      if (!(thrown instanceof WireError)) throw thrown;
      const id = desk.idFor('', 'error', thrown.message);
      return Response.json({ id, message: thrown.message }, { status: thrown.status });
    }
  };
}

const inputTypes = ['search_document', 'search_query', 'classification', 'clustering', 'image'];

async function embedding(desk: Desk, request: Request): Promise<Response> {
  const { text, body } = await readJson(request);
  check(
    body,
    {
      model: { type: 'string', required: true },
      input_type: { type: 'string', required: true, oneOf: inputTypes },
      texts: { type: 'array', min: 1, max: 96 },
      inputs: { type: 'array', min: 1, max: 96 },
      images: { type: 'array', min: 1 },
    },
    'ignore',
  );
  const model = String(body.model);
  const { texts, pictures } = readInputs(body);
  if (texts.length === 0) throw new WireError(400, 'invalid request: one of texts, images or inputs is required');
  const natural = desk.quirks.embeddingLength?.(model) ?? 1024;
  const length = typeof body.output_dimension === 'number' ? body.output_dimension : natural;
  if (length > natural) throw new WireError(400, `invalid request: output_dimension may be at most ${natural}`);
  const vectors = texts.map((one) => embed(`${desk.seed}|${model}`, one, natural, length));
  const types = Array.isArray(body.embedding_types) ? body.embedding_types.map(String) : ['float'];
  const embeddings = Object.fromEntries(types.map((type) => [type, vectors.map((vector) => written(vector, type))]));
  const tokens = texts.reduce((sum, one) => sum + countTokens(one), 0);
  const id = desk.idFor('', 'v2/embed', text);
  const metered = pictures > 0 ? ('input_image_tokens' as const) : ('input_text_tokens' as const);
  desk.bill.add({
    client: clientOf(request),
    id,
    model,
    at: desk.now(),
    charges: [{ meter: metered, quantity: tokens }],
  });
  const billed = pictures > 0 ? { images: pictures, image_tokens: tokens } : { input_tokens: tokens };
  const meta = { api_version: { version: '2' }, billed_units: billed };
  return Response.json({ id, embeddings, texts: pictures > 0 ? [] : texts, meta, response_type: 'embeddings_by_type' });
}

function readInputs(body: JsonObject): { texts: string[]; pictures: number } {
  const list = (value: Json | undefined) => (Array.isArray(value) ? value : []);
  const texts = list(body.texts).map(String);
  const images = list(body.images).map(String);
  let pictures = images.length;
  const inputs = list(body.inputs).map((input) => {
    const parts = isObject(input) && Array.isArray(input.content) ? input.content : [];
    return parts
      .map((part) => {
        if (stringAt(part, 'type') === 'text') return stringAt(part, 'text') ?? '';
        pictures++;
        return stringAt(part, 'image_url', 'url') ?? '';
      })
      .join('\n');
  });
  return { texts: [...texts, ...images, ...inputs], pictures };
}

function written(vector: Float32Array, type: string): Json {
  const bits = (signed: boolean) =>
    Array.from({ length: vector.length >> 3 }, (_, byte) => {
      let value = 0;
      for (let bit = 0; bit < 8; bit++) value = value * 2 + ((vector[byte * 8 + bit] ?? 0) > 0 ? 1 : 0);
      return signed ? value - 128 : value;
    });
  const scaled = (least: number, most: number) =>
    [...vector].map((value) => Math.max(least, Math.min(most, Math.round(value * 127) + (least < 0 ? 0 : 128))));
  switch (type) {
    case 'float':
      return [...vector].map((value) => Math.round(value * 1e8) / 1e8);
    case 'int8':
      return scaled(-128, 127);
    case 'uint8':
      return scaled(0, 255);
    case 'binary':
    case 'ubinary':
      return bits(type === 'binary');
    case 'base64':
      return toBase64(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength));
    default:
      throw new WireError(400, `invalid request: embedding_types: "${type}" is not supported`);
  }
}

async function rerank(desk: Desk, request: Request): Promise<Response> {
  const { text, body } = await readJson(request);
  check(
    body,
    {
      model: { type: 'string', required: true },
      query: { type: 'string', required: true },
      documents: { type: 'array', min: 1, required: true },
      top_n: { type: 'integer', min: 1 },
    },
    'ignore',
  );
  const words = (value: string) => new Set(value.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []);
  const query = words(String(body.query));
  const documents = (body.documents as Json[]).map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
  const results = documents.map((document, index) => {
    const own = words(document);
    const shared = [...query].filter((word) => own.has(word)).length;
    return { index, relevance_score: Math.round((shared / Math.max(1, query.size)) * 1e6) / 1e6 };
  });
  results.sort((one, other) => other.relevance_score - one.relevance_score || one.index - other.index);
  const id = desk.idFor('', 'v2/rerank', text);
  // A search unit is one query over at most a hundred documents.
  const units = Math.ceil(documents.length / 100);
  desk.bill.add({
    client: clientOf(request),
    id,
    model: String(body.model),
    at: desk.now(),
    charges: [{ meter: 'rerank_search_units', quantity: units }],
  });
  const most = typeof body.top_n === 'number' ? body.top_n : results.length;
  const meta = { api_version: { version: '2' }, billed_units: { search_units: units } };
  return Response.json({ id, results: results.slice(0, most), meta });
}
