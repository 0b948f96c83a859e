/** Pixels that vendors count as one megapixel: a picture of 1024 by 1024 is one. */
export const megapixel = 1_048_576;

/** "1024x768" as numbers, or undefined for a size that is a word. */
export function readSize(text: unknown): [width: number, height: number] | undefined {
  const found = typeof text === 'string' ? /^([1-9]\d{0,4})x([1-9]\d{0,4})$/.exec(text) : null;
  return found ? [Number(found[1]), Number(found[2])] : undefined;
}

/**
 * The largest size of this ratio ("16:9") that counts as one megapixel.
 * @param step what both sides must be a multiple of.
 * @param longest the longest side allowed.
 */
export function pixelsOfRatio(ratio: string, step: number, longest = 65_536): [number, number] | undefined {
  const found = /^(\d+(?:\.\d+)?):(\d+(?:\.\d+)?)$/.exec(ratio);
  const [across, down] = [Number(found?.[1]), Number(found?.[2])];
  if (!(across > 0) || !(down > 0)) return undefined;
  const ideal = Math.sqrt(megapixel / (across * down));
  const scale = Math.min(ideal, longest / Math.max(across, down));
  const grid = (side: number) => Math.max(step, Math.round(side / step) * step);
  let [width, height] = [grid(across * scale), grid(down * scale)];
  while (width * height > megapixel) {
    if (width >= height) width -= step;
    else height -= step;
  }
  return [width, height];
}

/** A ratio ("16:9") as the width of a height of one. */
export function aspect(ratio: string): number {
  const [wide = 1, high = 1] = ratio.split(':').map(Number);
  return wide / high;
}

/** The ratio among these that is nearest to a size. */
export function nearestRatio([width, height]: readonly [number, number], ratios: readonly string[]): string {
  const distance = (ratio: string) => {
    const [across = 1, down = 1] = ratio.split(':').map(Number);
    return Math.abs(Math.log((width * down) / (height * across)));
  };
  return ratios.reduce((best, ratio) => (distance(ratio) < distance(best) ? ratio : best));
}

/** Billed megapixels of one picture: every one that is begun. */
export function wholeMegapixels(width: number, height: number): number {
  return Math.ceil((width * height) / megapixel);
}
