import { mp3, mp3Seconds, opus, pcmBytes, wav } from '../media/index.ts';
import { aLaw, muLaw } from './companding.ts';
import { WireError } from './wire.ts';

/** An `output_format` taken apart: codec_rate_bitrate. */
export type Shape = { codec: string; sampleRate: number; bitrate: number };

const speechStreams = [
  ...['mp3_22050_32', 'mp3_24000_48', 'mp3_44100_32', 'mp3_44100_64', 'mp3_44100_96', 'mp3_44100_128', 'mp3_44100_192'],
  ...[8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000].map((rate) => `pcm_${rate}`),
  ...['ulaw_8000', 'alaw_8000'],
  ...[32, 64, 96, 128, 192].map((bitrate) => `opus_48000_${bitrate}`),
];
const waves = [8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000].map((rate) => `wav_${rate}`);
const songs = ['auto', 'mp3_48000_128', 'mp3_48000_192', 'mp3_48000_240', 'mp3_48000_320'];

/** The formats that each kind of endpoint lists. */
export const formats = {
  whole: [...speechStreams, ...waves],
  stream: speechStreams,
  music: [...songs, ...speechStreams],
};

export const mediaTypes: Record<string, string> = {
  mp3: 'audio/mpeg',
  wav: 'audio/wav',
  pcm: 'audio/pcm',
  opus: 'audio/opus',
  ulaw: 'audio/basic',
  alaw: 'audio/x-alaw-basic',
};

/** @param format one of the listed; refused where no file of it can be made here. */
export function shapeOf(format: string): Shape {
  const [codec = '', sampleRate = '', bitrate = '0'] = format.split('_');
  // Layer III has no 240 kbit/s.
  if (format === 'mp3_48000_240') {
    throw new WireError(400, `The output format ${format} is not supported.`, 'invalid_output_format', {
      param: 'output_format',
    });
  }
  return { codec, sampleRate: Number(sampleRate), bitrate: Number(bitrate) * 1000 };
}

/** Rate at which samples are made: those codecs that take none do not need many. */
export function sampleRateOf({ codec, sampleRate }: Shape): number {
  return codec === 'mp3' || codec === 'opus' ? 16_000 : sampleRate;
}

/** The samples as a file. MP3 and Opus have tones of their own with the same length; the text lies in their tags. */
export function encode(shape: Shape, samples: Int16Array, text: string | undefined, channels: 1 | 2 = 1): Uint8Array {
  const { codec, sampleRate, bitrate } = shape;
  const seconds = samples.length / channels / sampleRateOf(shape);
  const said = text === undefined ? {} : { text };
  if (codec === 'mp3') return mp3({ seconds, sampleRate, bitrate, ...said });
  if (codec === 'opus') return opus({ seconds, ...said });
  if (codec === 'wav') return wav(samples, { sampleRate, channels });
  if (codec === 'ulaw') return muLaw(samples);
  return codec === 'alaw' ? aLaw(samples) : pcmBytes(samples);
}

/** How long the file of a shape lasts: MP3 is made of whole frames. */
export function lengthOf({ codec, sampleRate }: Shape, seconds: number): number {
  return codec === 'mp3' ? mp3Seconds(seconds, sampleRate) : seconds;
}
