import { encode } from 'jpeg-js';
import { type PictureRequest, picture, toRgba } from './picture.ts';

/** A baseline JPEG of exactly the asked size. JPEG has no transparency: `transparent` leaves black. Quality is 1–100, default 80. */
export function jpeg({ quality = 80, ...request }: PictureRequest & { quality?: number }): Uint8Array {
  const { width, height } = request;
  return Uint8Array.from(encode({ width, height, data: toRgba(picture(request)) }, quality).data);
}
