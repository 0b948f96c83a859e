/** G.711 μ-law: a byte for each 16-bit sample. */
export function muLaw(samples: Int16Array): Uint8Array {
  return Uint8Array.from(samples, (sample) => {
    const size = Math.min(Math.abs(sample), 32_635) + 132;
    const exponent = 31 - Math.clz32(size) - 7;
    return ~((sample < 0 ? 0x80 : 0) | (exponent << 4) | ((size >> (exponent + 3)) & 15)) & 255;
  });
}

/** G.711 A-law: a byte for each 16-bit sample. */
export function aLaw(samples: Int16Array): Uint8Array {
  return Uint8Array.from(samples, (sample) => {
    const size = Math.min(sample < 0 ? -sample - 1 : sample, 32_767) >> 3;
    const exponent = size < 32 ? 0 : 31 - Math.clz32(size) - 4;
    const mantissa = (size >> (exponent < 2 ? 1 : exponent)) & 15;
    return ((sample < 0 ? 0 : 0x80) | (exponent << 4) | mantissa) ^ 0x55;
  });
}
