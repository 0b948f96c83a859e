/** Raw 16-bit little-endian PCM in a WAV container. */
export function wrapPcm(pcm: Uint8Array, sampleRate: number, channels: number): Uint8Array<ArrayBuffer> {
  const wav = new Uint8Array(44 + pcm.length);
  const view = new DataView(wav.buffer);
  const word = (offset: number, text: string) => {
    for (let index = 0; index < text.length; index++) wav[offset + index] = text.charCodeAt(index);
  };
  word(0, 'RIFF');
  view.setUint32(4, 36 + pcm.length, true);
  word(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * channels * 2, true);
  view.setUint16(32, channels * 2, true);
  view.setUint16(34, 16, true);
  word(36, 'data');
  view.setUint32(40, pcm.length, true);
  wav.set(pcm, 44);
  return wav;
}

/**
 * Writes true lengths into a WAV that was streamed before its length was known (0 or 0xFFFFFFFF in the header), in place.
 * Anything else is left as it is.
 */
export function repairWav(wav: Uint8Array): Uint8Array {
  const view = new DataView(wav.buffer, wav.byteOffset, wav.byteLength);
  const unknown = (length: number) => length === 0 || length === 0xffffffff;
  if (wav.length < 44 || String.fromCharCode(...wav.subarray(0, 4)) !== 'RIFF') return wav;
  if (unknown(view.getUint32(4, true))) view.setUint32(4, wav.length - 8, true);
  let offset = 12;
  while (offset + 8 <= wav.length) {
    const name = String.fromCharCode(...wav.subarray(offset, offset + 4));
    const length = view.getUint32(offset + 4, true);
    if (name === 'data') {
      if (unknown(length)) view.setUint32(offset + 4, wav.length - offset - 8, true);
      return wav;
    }
    offset += 8 + length + (length % 2);
  }
  return wav;
}
