import { encode } from 'fast-png';
import { type PictureRequest, picture } from './picture.ts';

/** A PNG (8-bit, indexed) of exactly the asked size; see {@link PictureRequest}. */
export function png(request: PictureRequest): Uint8Array {
  const { width, height, indices, palette } = picture(request);
  // A fixed `mem`: the default is derived with Math.log, whose last bits engines may round differently.
  const options = { zlib: { level: 1, mem: 4 } as const };
  const colours = request.transparent ? palette : palette.map(([red, green, blue]) => [red, green, blue]);
  return encode(
    { width, height, data: indices, depth: 8, channels: 1, palette: colours as typeof palette },
    options,
  ).slice();
}
