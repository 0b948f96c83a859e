import type { Part } from '../contract/index.ts';

type Vectors = Extract<Part, { type: 'embedding' }>;

/** Numbers of vectors that a book keeps for one generation: about ten megabytes as JSON. */
const mostNumbers = 500_000;
const encoder = new TextEncoder();

/** The outputs, vectors of more numbers than that as one JSON file in the form of OpenAI's list. */
export function withoutManyVectors(outputs: readonly Part[]): readonly Part[] {
  const vectors = outputs.filter((part): part is Vectors => part.type === 'embedding');
  const numbers = vectors.reduce((sum, { vector }) => sum + vector.length, 0);
  if (numbers <= mostNumbers) return outputs;
  const others = outputs.filter((part) => part.type !== 'embedding');
  return [{ type: 'asset', asset: { mediaType: 'application/json', stream: listOf(vectors) } }, ...others];
}

/** One vector at a time: all of them as text would be many times their size. */
function listOf(vectors: readonly Vectors[]): ReadableStream<Uint8Array> {
  let place = 0;
  return new ReadableStream({
    pull(controller) {
      const one = vectors[place];
      const before = place === 0 ? '{"object":"list","data":[' : ',';
      if (one) {
        const data = JSON.stringify({ object: 'embedding', index: one.index ?? place, embedding: one.vector });
        controller.enqueue(encoder.encode(before + data));
      } else {
        controller.enqueue(encoder.encode(']}'));
        controller.close();
      }
      place++;
    },
  });
}
