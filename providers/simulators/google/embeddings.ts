import type { JsonObject } from '../../../src/contract/index.ts';
import { random } from '../seed.ts';
import { addCounts, type Content, type Counts, countContent, detailsOf, textOf, totalOf } from './contents.ts';
import { badField, invalid } from './errors.ts';
import { inputLimit } from './models.ts';

export type EmbedBody = {
  model?: string;
  content?: Content;
  outputDimensionality?: number;
  embedContentConfig?: { outputDimensionality?: number };
};

/** Vectors and usage for the requests; `counts` is what is billed. */
export function embed(requests: EmbedBody[], model: string, seed: string): { vectors: number[][]; counts: Counts } {
  if (requests.length === 0)
    throw badField('requests', '* BatchEmbedContentsRequest.requests: requests is not specified\n');
  if (requests.length > 100)
    throw invalid('* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\n');
  let counts: Counts = {};
  const vectors = requests.map((request) => {
    if (!request.content?.parts?.length)
      throw badField('content', '* EmbedContentRequest.content: contents is not specified\n');
    const own = countContent(request.content, model);
    if (totalOf(own) > inputLimit('embedding', model))
      throw invalid(`The input token count (${totalOf(own)}) exceeds the maximum number of tokens allowed.`);
    counts = addCounts(counts, own);
    const size = request.outputDimensionality ?? request.embedContentConfig?.outputDimensionality;
    const media = request.content.parts.flatMap((part) => part.inlineData?.data ?? part.fileData?.fileUri ?? []);
    return vector([textOf(request.content), ...media], dimensions(model, size), `${seed}|${model}`);
  });
  return { vectors, counts };
}

export const embedUsage = (counts: Counts): JsonObject => ({
  promptTokenCount: totalOf(counts),
  promptTokenDetails: detailsOf(counts),
});

function dimensions(model: string, asked: number | undefined): number {
  const most = model.startsWith('gemini-embedding') ? 3072 : 768;
  if (asked === undefined) return most;
  if (asked < 1 || asked > most) throw invalid(`output_dimensionality must be between 1 and ${most}.`);
  return asked;
}

/** A unit vector; texts that share words point in similar directions. */
function vector(texts: string[], size: number, seed: string): number[] {
  const sums = new Float64Array(size);
  const words = texts.flatMap((text) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []);
  for (const word of words.length > 0 ? words : ['']) {
    const dice = random(`${seed}|${word}`);
    for (let index = 0; index < size; index++) sums[index] = (sums[index] ?? 0) + dice.next() / 2 ** 31 - 1;
  }
  const length = Math.sqrt(sums.reduce((sum, value) => sum + value * value, 0)) || 1;
  return Array.from(sums, (value) => Math.round((value / length) * 1e8) / 1e8);
}
