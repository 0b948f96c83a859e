import { joinBytes } from '../../../src/contract/index.ts';
import { ascii, big32 } from './bits.ts';

/** A box of ISO base media (ISO/IEC 14496-12): length, name, content. */
export function box(name: string, ...content: Uint8Array[]): Uint8Array {
  const size = content.reduce((sum, part) => sum + part.length, 8);
  return joinBytes([big32(size), ascii(name), ...content]);
}

/** Numbers of four bytes each, most significant first. */
export function words(...values: number[]): Uint8Array {
  return joinBytes(values.map(big32));
}

/** Numbers of two bytes each, most significant first. */
export function halves(...values: number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [(value >>> 8) & 255, value & 255]));
}
