import { random } from '../seed.ts';
import { ascii, concat, little32 } from './bits.ts';
import { hideText } from './hidden-text.ts';
import { advance, noteMilliHertz, soft, triangle } from './wave.ts';

/** How long speech of this text lasts: 15 characters a second at speed 1 (0.25 to 4 are honoured), at least 0.4 s. */
export function speechSeconds(text: string, speed = 1): number {
  return Math.max(0.4, [...text].length / 15 / Math.min(4, Math.max(0.25, speed)));
}

/**
 * Syllable-like tones, mono: a vowel sounds, another letter is short and low, a space is silent; the seed is the voice.
 * The text itself lies in the samples' lowest bits, where `readSpokenText` finds it. `sampleRate` is 8000 Hz or more.
 */
export function speechPcm({ text, speed = 1, sampleRate, seed }: SpeechRequest): Int16Array {
  const letters = [...text];
  const samples = new Int16Array(Math.round(speechSeconds(text, speed) * sampleRate));
  const dice = random(`voice|${seed}`);
  const pitch = 105_000 + dice.below(120_000);
  const share = letters.length > 0 ? samples.length / letters.length : 0;
  let voice = 0;
  let formant = 0;
  for (let index = 0; index < letters.length; index++) {
    const [start, end] = [Math.floor(index * share), Math.floor((index + 1) * share)];
    const letter = letters[index]!.toLowerCase();
    const code = letter.codePointAt(0)!;
    if (/[\s\p{P}]/u.test(letter)) continue;
    const vowel = /[aeiouyäöüáéíóú]/.test(letter) || code > 0x2000;
    const loudness = vowel ? 11_000 : 4_000;
    const voiceStep = advance(pitch + (((code * 37 + index * 11) % 60) - 30) * 700, sampleRate);
    const formantStep = advance(500_000 + ((code * 131) % 17) * 110_000, sampleRate);
    const fade = Math.max(1, (end - start) >> 2);
    for (let at = start; at < end; at++) {
      const envelope = Math.min(fade, at - start, end - 1 - at) / fade;
      voice = (voice + voiceStep) >>> 0;
      formant = (formant + formantStep) >>> 0;
      const wave = triangle(voice) * 3 + soft(formant) * (vowel ? 2 : 1);
      samples[at] = Math.trunc((wave * loudness * envelope) / 163_840);
    }
  }
  hideText(samples, text);
  return samples;
}

export type SpeechRequest = { text: string; speed?: number; sampleRate: number; seed: string };

const progressions = [
  [0, 7, 9, 5],
  [9, 5, 0, 7],
  [0, 9, 5, 7],
  [2, 7, 0, 9],
];
/** Thirds and fifths above each root that stay in the major scale, by semitone of the root. */
const chords: Record<number, [number, number, number]> = {
  0: [0, 4, 7],
  2: [2, 5, 9],
  5: [5, 9, 12],
  7: [7, 11, 14],
  9: [9, 12, 16],
};
const pentatonic = [0, 2, 4, 7, 9, 12, 14, 16];

/**
 * A small tune: four soft chords, a bass and a pentatonic melody; prompt and seed choose key, tempo and notes.
 * Interleaved samples of 1 or 2 channels, `round(seconds * sampleRate)` a channel; the channels differ in balance.
 */
export function musicPcm({ prompt, seconds, sampleRate, channels, seed }: MusicRequest): Int16Array {
  const dice = random(`music|${seed}|${prompt}`);
  const length = Math.max(1, Math.round(seconds * sampleRate));
  const samples = new Int16Array(length * channels);
  const key = 48 + dice.below(10);
  const beat = Math.round((sampleRate * 60) / (76 + dice.below(50)));
  const progression = progressions[dice.below(progressions.length)]!;
  let place = dice.below(pentatonic.length);
  for (let count = 0, start = 0; start < length; count++, start += beat) {
    const root = progression[(count >> 2) % 4]!;
    if (count % 4 === 0) {
      for (const tone of chords[root]!)
        play(samples, channels, { note: key + tone, start, length: beat * 4, loudness: 2_600, balance: 6, sampleRate });
      play(samples, channels, {
        note: key + root - 12,
        start,
        length: beat * 3,
        loudness: 5_200,
        balance: 8,
        sampleRate,
      });
    }
    const notes = dice.below(4) === 0 ? 0 : 1 + dice.below(2);
    for (let half = 0; half < notes; half++) {
      place = Math.min(pentatonic.length - 1, Math.max(0, place + dice.below(5) - 2));
      const from = start + Math.floor((beat * half) / notes);
      const note = key + 12 + pentatonic[place]!;
      play(samples, channels, {
        note,
        start: from,
        length: Math.floor((beat * 3) / 2 / notes),
        loudness: 6_400,
        balance: 10,
        sampleRate,
      });
    }
  }
  return samples;
}

export type MusicRequest = { prompt: string; seconds: number; sampleRate: number; channels: 1 | 2; seed: string };

/** `balance` is the left channel's share of 16. */
type Note = { note: number; start: number; length: number; loudness: number; balance: number; sampleRate: number };

function play(
  samples: Int16Array,
  channels: number,
  { note, start, length, loudness, balance, sampleRate }: Note,
): void {
  const step = advance(noteMilliHertz(note), sampleRate);
  const total = samples.length / channels;
  const end = Math.min(total, start + length);
  const attack = Math.max(1, sampleRate >> 6);
  let phase = 0;
  for (let at = start; at < end; at++) {
    const left = (start + length - at) / length;
    const envelope = Math.min(1, (at - start) / attack, (total - at) / attack) * left * left;
    phase = (phase + step) >>> 0;
    const value = ((soft(phase) + (soft((phase * 2) >>> 0) >> 2)) * loudness * envelope) / 32_768;
    if (channels === 1) samples[at]! += value;
    else {
      samples[at * 2]! += (value * balance) / 8;
      samples[at * 2 + 1]! += (value * (16 - balance)) / 8;
    }
  }
}

/** The samples as bytes, least significant byte first: the `pcm` formats of speech endpoints. */
export function pcmBytes(pcm: Int16Array): Uint8Array {
  return new Uint8Array(pcm.buffer as ArrayBuffer, pcm.byteOffset, pcm.byteLength).slice();
}

/** How long a WAV file lasts, by its chunks, in seconds; undefined for what is none, or has no samples. */
export function wavSeconds(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (place: number) => String.fromCharCode(...bytes.subarray(place, place + 4));
  if (word(0) !== 'RIFF') return undefined;
  let perSecond = 0;
  for (let place = 12; place + 8 <= bytes.length; ) {
    const size = view.getUint32(place + 4, true);
    if (word(place) === 'fmt ' && place + 20 <= bytes.length) perSecond = view.getUint32(place + 16, true);
    if (word(place) === 'data') return perSecond > 0 ? Math.min(size, bytes.length - place - 8) / perSecond : undefined;
    place += 8 + size + (size % 2);
  }
  return undefined;
}

/** A WAV file of 16-bit samples, interleaved if there is more than one channel. */
export function wav(pcm: Int16Array, { sampleRate, channels }: { sampleRate: number; channels: number }): Uint8Array {
  const format = concat(
    Uint8Array.of(1, 0, channels, 0),
    little32(sampleRate),
    little32(sampleRate * channels * 2),
    Uint8Array.of(channels * 2, 0, 16, 0),
  );
  const data = pcmBytes(pcm);
  return concat(
    concat(ascii('RIFF'), little32(36 + data.length), ascii('WAVEfmt '), little32(16)),
    concat(format, ascii('data'), little32(data.length), data),
  );
}
