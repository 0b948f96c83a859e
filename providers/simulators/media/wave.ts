/** Phase advance a sample, in 2^32 steps a cycle, for a frequency in thousandths of a hertz. */
export function advance(milliHertz: number, sampleRate: number): number {
  return Math.round((milliHertz * 4_294_967.296) / sampleRate);
}

/** Triangle wave of a 32-bit phase, from -32768 to 32767. */
export function triangle(phase: number): number {
  const place = phase >>> 15;
  return place < 65_536 ? place - 32_768 : 98_303 - place;
}

/** A triangle wave with its corners rounded: close to a sine, in whole numbers. From -32768 to 32767. */
export function soft(phase: number): number {
  const wave = triangle(phase);
  const size = wave < 0 ? -wave : wave;
  return (wave * (98_304 - ((size * size) >> 15))) >> 16;
}

const octave = [
  261_626, 277_183, 293_665, 311_127, 329_628, 349_228, 369_994, 391_995, 415_305, 440_000, 466_164, 493_883,
];

/** Equal temperament: thousandths of a hertz of a MIDI note number (60 is middle C). */
export function noteMilliHertz(note: number): number {
  return octave[((note % 12) + 12) % 12]! * 2 ** (Math.floor(note / 12) - 5);
}
