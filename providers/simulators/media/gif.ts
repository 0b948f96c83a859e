import { ascii, BitWriter, concat } from './bits.ts';
import { type PictureRequest, picture } from './picture.ts';

/** A GIF of one frame. */
export function gif(request: PictureRequest): Uint8Array {
  const { width, height, indices, palette } = picture(request);
  const table = Uint8Array.from(palette.flatMap((colour) => colour.slice(0, 3)));
  const size = [width & 255, width >> 8, height & 255, height >> 8];
  return concat(
    ascii('GIF89a'),
    Uint8Array.of(...size, 0xf7, 0, 0),
    table,
    Uint8Array.of(0x21, 0xf9, 4, request.transparent ? 1 : 0, 0, 0, 0, 0),
    Uint8Array.of(0x2c, 0, 0, 0, 0, ...size, 0, 8),
    blocks(compress(indices)),
    Uint8Array.of(0, 0x3b),
  );
}

/** LZW with codes of 9 to 12 bits; the table starts anew when it is full. */
function compress(indices: Uint8Array): Uint8Array {
  const writer = new BitWriter('low');
  const [clear, end] = [256, 257];
  const codes = new Map<number, number>();
  let next = end + 1;
  let width = 9;
  writer.write(clear, width);
  let prefix = indices[0]!;
  for (let at = 1; at < indices.length; at++) {
    const index = indices[at]!;
    const known = codes.get((prefix << 8) | index);
    if (known !== undefined) {
      prefix = known;
      continue;
    }
    writer.write(prefix, width);
    if (next === 4096) {
      writer.write(clear, width);
      codes.clear();
      next = end + 1;
      width = 9;
    } else {
      if (next === 1 << width) width++;
      codes.set((prefix << 8) | index, next++);
    }
    prefix = index;
  }
  writer.write(prefix, width);
  writer.write(end, next === 1 << width && width < 12 ? width + 1 : width);
  return writer.finish();
}

function blocks(data: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += 255) {
    const block = data.subarray(at, at + 255);
    parts.push(Uint8Array.of(block.length), block);
  }
  return concat(...parts);
}
