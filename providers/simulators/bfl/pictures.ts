import { type JsonObject, numberAt, stringAt } from '../../../src/contract/index.ts';
import { fromBase64 } from '../base64.ts';
import type { Model } from './models.ts';

type Size = [width: number, height: number];

const megapixel = 1_048_576;

/** Megapixels as the API tells them: two decimals. */
export function megapixelsOf([width, height]: Size): number {
  return Math.round(((width * height) / megapixel) * 100) / 100;
}

/** Pixels of the picture that a model makes of an input; `given` are the sizes of the pictures in it. */
export function sizeOf(model: Model, name: string, input: JsonObject, given: Size[]): Size {
  if (model.pixels) {
    const [width, height] = [numberAt(input, 'width'), numberAt(input, 'height')];
    if (width && height) return [width, height];
    return given[0] ?? (name.startsWith('flux-2') ? [1024, 1024] : [1024, 768]);
  }
  const ultra = name.endsWith('-ultra');
  const ratio = stringAt(input, 'aspect_ratio') ?? (ultra ? '16:9' : undefined);
  const [across, down] = ratio?.split(':').map(Number) ?? given[0] ?? [1, 1];
  const area = megapixel * (ultra ? 4 : 1);
  const scale = Math.sqrt(area / ((across ?? 1) * (down ?? 1)));
  const grid = (length: number) => Math.max(32, Math.floor((length * scale) / 32) * 32);
  return [grid(across ?? 1), grid(down ?? 1)];
}

/** True for an aspect ratio that the API takes: two numbers, 21:9 to 9:21. */
export function isRatio(text: string): boolean {
  const [, across, down] = /^(\d+):(\d+)$/.exec(text) ?? [];
  const ratio = Number(across) / Number(down);
  return ratio >= 9 / 21 - 1e-9 && ratio <= 21 / 9 + 1e-9;
}

/** The size of a picture given as base64 (PNG or JPEG); one megapixel for a link or another format; undefined for what is no picture. */
export function readPicture(text: string): Size | undefined {
  if (/^https?:\/\//.test(text)) return [1024, 1024];
  const bytes = fromBase64(text.replace(/^data:[^,]*,/, ''));
  if (!bytes || bytes.length < 24) return undefined;
  const view = new DataView(bytes.buffer);
  if (view.getUint32(0) === 0x89504e47) return [view.getUint32(16), view.getUint32(20)];
  if (view.getUint16(0) === 0xffd8) return jpegSize(view);
  return [1024, 1024];
}

/** Height and width stand in the frame header, behind segments that are skipped. */
function jpegSize(view: DataView): Size | undefined {
  for (let at = 2; at + 9 < view.byteLength; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint8(at + 1);
    if (marker >= 0xc0 && marker <= 0xc3) return [view.getUint16(at + 7), view.getUint16(at + 5)];
  }
  return undefined;
}
