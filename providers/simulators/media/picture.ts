import { type Random, random } from '../seed.ts';

/** What is asked of a picture: pixels, and the seed (with the prompt in it) that decides what it shows. */
export type PictureRequest = {
  width: number;
  height: number;
  seed: string;
  /** Leaves everything outside an oval transparent. */
  transparent?: boolean;
  /** Side of the square blocks, in pixels, for a coarse preview of the same picture. Default 1. */
  coarse?: number;
};

export type Colour = [red: number, green: number, blue: number, alpha: number];

/** One byte a pixel into 256 colours; entry 0 is fully transparent, all others are opaque. */
export type Picture = { width: number; height: number; indices: Uint8Array; palette: Colour[] };

const skyStart = 1;
const skySize = 135;
const layerSize = 24;
const layerStart = skyStart + skySize;
const layers = 5;

/**
 * Draws a quiet landscape: a lit sky over ranges of hills that sink into haze.
 * The same request gives the same bytes on every engine; a coarse one shows the same scene.
 */
export function picture({ width, height, seed, transparent, coarse = 1 }: PictureRequest): Picture {
  if (!(width >= 1 && height >= 1 && Number.isInteger(width) && Number.isInteger(height))) {
    throw new RangeError('A picture needs whole, positive width and height.');
  }
  const dice = random(`picture|${seed}`);
  const palette = colours(dice);
  const columns = Math.ceil(width / coarse);
  const rows = Math.ceil(height / coarse);
  const small = paint(columns, rows, dice);
  if (transparent) cutOut(small, columns, rows);
  if (coarse === 1) return { width, height, indices: small, palette };
  const indices = new Uint8Array(width * height);
  for (let y = 0, at = 0; y < height; y++) {
    const row = Math.floor(y / coarse) * columns;
    for (let x = 0; x < width; x++) indices[at++] = small[row + Math.floor(x / coarse)]!;
  }
  return { width, height, indices, palette };
}

function paint(width: number, height: number, dice: Random): Uint8Array {
  const unit = Math.min(width, height);
  const sunX = (width * (15 + dice.below(70))) / 100;
  const sunY = (height * (14 + dice.below(34))) / 100;
  const sunRadius = (unit * (5 + dice.below(8))) / 100;
  const glow = 40 + dice.below(40);
  const rugged = dice.below(2) === 1;
  const ridges = Array.from({ length: layers }, (_, layer) =>
    ridge(width, height, (height * (52 + layer * 10)) / 100, (height * (22 - layer * 2)) / 100, rugged, dice),
  );
  const grain = dice.next() | 1;
  const indices = new Uint8Array(width * height);
  const core = sunRadius * sunRadius;
  const edge = (sunRadius * 2 + 1) * Math.max(1, unit / 400);
  for (let y = 0, at = 0; y < height; y++) {
    const base = (y * 78) / height;
    const down = (y - sunY) * (y - sunY);
    for (let x = 0; x < width; x++, at++) {
      let layer = layers - 1;
      while (layer >= 0 && y < ridges[layer]![x]!) layer--;
      // About one pixel in sixteen is a shade lighter: film grain, which also keeps gradients from banding.
      const speck = Math.imul(Math.imul(x, 0x9e3779b1) ^ Math.imul(y, 0x85ebca6b), grain) >>> 28 === 0 ? 1 : 0;
      if (layer >= 0) {
        const depth = ((y - ridges[layer]![x]!) * 70) / height;
        indices[at] = layerStart + layer * layerSize + Math.min(layerSize - 1, (depth + speck) | 0);
        continue;
      }
      const distance = (x - sunX) * (x - sunX) + down;
      const halo = (glow * core * 9) / (core * 9 + distance);
      const disc = distance <= core ? 60 : distance < core + edge ? (60 * (core + edge - distance)) / edge : 0;
      indices[at] =
        (skyStart + Math.min(skySize - 1, Math.max(base + halo * 0.6, disc > 0 ? 70 + disc : 0) + speck)) | 0;
    }
  }
  return indices;
}

/** Heights of one range of hills, by column: four octaves of smooth noise, or of folded noise for peaks. */
function ridge(width: number, height: number, level: number, swing: number, rugged: boolean, dice: Random): Int32Array {
  const line = new Float64Array(width);
  let weight = swing;
  let cells = Math.min(12, Math.max(1, Math.round((width / height) * 2))) + dice.below(2);
  for (let octave = 0; octave < (rugged ? 6 : 3); octave++) {
    const knots = Array.from({ length: cells + 2 }, () => dice.below(2001) / 1000 - 1);
    for (let x = 0; x < width; x++) {
      const place = (x * cells) / width;
      const cell = Math.floor(place);
      const part = place - cell;
      const eased = rugged ? part : part * part * (3 - 2 * part);
      line[x]! += weight * (knots[cell]! + (knots[cell + 1]! - knots[cell]!) * eased);
    }
    weight *= rugged ? 0.48 : 0.32;
    cells = cells * 2 + 1;
  }
  return Int32Array.from(line, (offset) => Math.round(level + offset));
}

function cutOut(indices: Uint8Array, width: number, height: number): void {
  for (let y = 0, at = 0; y < height; y++) {
    const down = (2 * y + 1 - height) / height;
    for (let x = 0; x < width; x++, at++) {
      const across = (2 * x + 1 - width) / width;
      if (across * across + down * down > 0.94) indices[at] = 0;
    }
  }
}

function colours(dice: Random): Colour[] {
  // Skies from teal over blue and violet to orange, horizons warm or near the sky's own hue: no green air.
  const hue = 185 + dice.below(195);
  const warm = dice.below(5) < 3;
  const low = warm ? 375 + dice.below(35) : hue + 12 + dice.below(24);
  const night = dice.below(3) === 0;
  const top = hueColour(hue, 55, night ? 14 : 42);
  const horizon = hueColour(low, 62, night ? 46 : 78);
  const light = hueColour(40 + dice.below(25), 90, 93);
  const ground = hueColour(hue - 40 + dice.below(60), 42, night ? 7 : 15);
  const palette: Colour[] = [[0, 0, 0, 0]];
  for (let step = 0; step < skySize; step++) {
    palette.push(step < 80 ? mix(top, horizon, step / 80) : mix(horizon, light, (step - 80) / (skySize - 81)));
  }
  for (let layer = 0; layer < layers; layer++) {
    const near = mix(horizon, ground, (layer + 1.6) / (layers + 0.6));
    for (let step = 0; step < layerSize; step++) palette.push(mix(near, horizon, (step / layerSize) * 0.42));
  }
  return palette;
}

function mix(from: Colour, to: Colour, part: number): Colour {
  const blend = (channel: 0 | 1 | 2) => Math.round(from[channel] + (to[channel] - from[channel]) * part);
  return [blend(0), blend(1), blend(2), 255];
}

/** Hue in degrees, saturation and lightness in percent. */
function hueColour(hue: number, saturation: number, lightness: number): Colour {
  const reach = (saturation * Math.min(lightness, 100 - lightness)) / 10000;
  const channel = (offset: number) => {
    const place = (offset + hue / 30) % 12;
    return Math.round(255 * (lightness / 100 - reach * Math.max(-1, Math.min(place - 3, 9 - place, 1))));
  };
  return [channel(0), channel(8), channel(4), 255];
}

/** The picture as red, green, blue, alpha bytes. */
export function toRgba({ width, height, indices, palette }: Picture): Uint8Array {
  const pixels = new Uint8Array(width * height * 4);
  for (let at = 0; at < indices.length; at++) pixels.set(palette[indices[at]!]!, at * 4);
  return pixels;
}
