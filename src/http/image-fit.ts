import { isObject, type JsonObject, type Model } from '../contract/index.ts';

/** Sides of the size classes that some models know in place of pixels. */
const classes: Record<string, number> = { '512': 512, '1K': 1024, '2K': 2048, '4K': 4096 };
/** How far a ratio may be from the asked one, as a share: 1792x1024 is 16:9 to everybody. */
const tolerance = 0.03;

/**
 * A pixel size and a format in the words of a model that has others for them: the nearest ratio, and the nearest size class where it
 * knows such. What comes out in another size is told as a degradation. A size that cannot be said this way is left as it is.
 */
export function fitShape({ capabilities }: Model, body: JsonObject): JsonObject {
  const formats = wordsOf(capabilities?.formats);
  const isJpg = body.format === 'jpeg' && formats.includes('jpg') && !formats.includes('jpeg');
  const fitted = isJpg ? { ...body, format: 'jpg' } : body;
  const [, width, height] = /^(\d{1,5})x(\d{1,5})$/.exec(String(body.size)) ?? [];
  const sizes = capabilities?.sizes;
  const ratios = wordsOf(capabilities?.ratios);
  if (!width || !height || isObject(sizes) || wordsOf(sizes).includes(String(body.size)) || body.ratio !== undefined) {
    return fitted;
  }
  const ratio = nearest(ratios, Number(width) / Number(height), ratioOf);
  if (!ratio || Math.abs(ratioOf(ratio) / (Number(width) / Number(height)) - 1) > tolerance) return fitted;
  const { size: _, ...rest } = fitted;
  const known = wordsOf(sizes).filter((word) => word in classes);
  const size = nearest(known, Math.sqrt(Number(width) * Number(height)), (word) => classes[word]!);
  return { ...rest, ratio, ...(size ? { size } : {}) };
}

function wordsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function ratioOf(ratio: string): number {
  const [wide = 1, high = 1] = ratio.split(':').map(Number);
  return wide / high;
}

function nearest(words: readonly string[], wanted: number, measure: (word: string) => number): string | undefined {
  const distance = (word: string) => Math.abs(Math.log(measure(word) / wanted));
  return words.reduce<string | undefined>(
    (best, word) => (best === undefined || distance(word) < distance(best) ? word : best),
    undefined,
  );
}
