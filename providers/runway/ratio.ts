import { refuse } from '../shared/params.ts';
import { aspect } from '../shared/pixels.ts';
import { isPixels, type Shape } from './models.ts';

/** What a request says of the frame. */
export type Frame = { size?: string; ratio?: string; resolution?: string };

/** A frame of another shape by more than this is not what was asked. */
const tolerance = 0.031;
const lines: Record<string, number> = { '4k': 2160, '2k': 1440, '1k': 1024 };

/**
 * The vendor's `ratio` (and `resolution`, where the model has one) for a neutral frame. A size must be one of the model's own; a ratio takes the
 * model's frame of that shape whose shorter side is nearest to the resolution, else to `usual` lines.
 * @param always also where nothing was asked: what the frame will be is then known beforehand.
 */
export function writeFrame(frame: Frame, shape: Shape | undefined, usual: number, always: boolean) {
  if (!shape) return unknown(frame);
  const written: { ratio?: string; resolution?: string } = {};
  const resolution = frame.resolution === 'auto' ? undefined : frame.resolution;
  if (shape.resolutions && resolution) {
    written.resolution = shape.resolutions.find((one) => one.toLowerCase() === resolution.toLowerCase());
    if (!written.resolution) throw refuse('resolution', `Resolution ${resolution} is not made.`, shape.resolutions);
  }
  const ratio = shape.ratios && chooseRatio({ ...frame, resolution }, shape, shape.ratios, usual, always);
  if (ratio) written.ratio = ratio;
  return written;
}

function chooseRatio(frame: Frame, shape: Shape, ratios: readonly string[], usual: number, always: boolean) {
  const pixels = ratios.filter(isPixels);
  const size = frame.size === 'auto' ? undefined : frame.size;
  if (size && pixels.length > 0) {
    const found = size.replace('x', ':');
    if (ratios.includes(found)) return found;
    throw refuse(
      'size',
      `Size ${size} is not made.`,
      pixels.map((one) => one.replace(':', 'x')),
    );
  }
  const ratio = frame.ratio === 'auto' ? undefined : frame.ratio;
  if (ratio && ratios.includes(ratio)) return ratio;
  const asked = shape.resolutions ? undefined : frame.resolution;
  if (pixels.length === 0) {
    if (ratio) throw refuse('ratio', `Ratio ${ratio} is not made.`, ratios);
    return always ? ratios[0] : undefined;
  }
  if (!ratio && !asked) return always ? nearest(pixels, undefined, usual) : undefined;
  const [wide, high] = (ratio ?? pixels[0]!).split(':').map(Number);
  const wanted = wide && high ? wide / high : Number.NaN;
  const alike = pixels.filter((one) => Math.abs(aspect(one) / wanted - 1) <= tolerance);
  if (alike.length === 0) throw refuse('ratio', `Ratio ${ratio} is not made.`, ratios);
  const target = asked === undefined ? usual : linesOf(asked);
  const chosen = nearest(alike, wanted, target);
  const side = shorter(chosen);
  if (asked !== undefined && !(Math.abs(side / target - 1) <= 0.16)) {
    const offered = [...new Set(alike.map((one) => `${shorter(one)}p`))];
    throw refuse('resolution', `Resolution ${asked} is not made in this ratio.`, offered);
  }
  return chosen;
}

/** The frame whose shorter side is nearest to `target` lines; of equals the larger, then the truer one. */
function nearest(ratios: readonly string[], wanted: number | undefined, target: number): string {
  const rank = (ratio: string) => [Math.abs(shorter(ratio) - target), -shorter(ratio), off(ratio, wanted)];
  return [...ratios].sort((one, other) => {
    const [a, b] = [rank(one), rank(other)];
    const differing = a.findIndex((value, index) => value !== b[index]);
    return differing < 0 ? 0 : a[differing]! - b[differing]!;
  })[0]!;
}

function off(ratio: string, wanted: number | undefined): number {
  return wanted === undefined ? 0 : Math.abs(aspect(ratio) / wanted - 1);
}

function shorter(ratio: string): number {
  return Math.min(...ratio.split(':').map(Number));
}

function linesOf(resolution: string): number {
  const word = resolution.toLowerCase();
  return lines[word] ?? Number(/^(\d{3,4})p$/.exec(word)?.[1] ?? Number.NaN);
}

function unknown({ size, ratio, resolution }: Frame) {
  const found = size && /^\d+x\d+$/.test(size) ? size.replace('x', ':') : ratio;
  return {
    ...(found && found !== 'auto' ? { ratio: found } : {}),
    ...(resolution && resolution !== 'auto' ? { resolution } : {}),
  };
}
