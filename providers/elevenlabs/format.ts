import { refuse } from '../shared/params.ts';

/** Which of the vendor's formats a word stands for. PCM and WAV of 44.1 kHz and MP3 of 192 kbit/s need a dearer plan. */
const words: Record<string, string> = {
  mp3: 'mp3_44100_128',
  wav: 'wav_24000',
  pcm: 'pcm_24000',
  opus: 'opus_48000_64',
  ulaw: 'ulaw_8000',
  alaw: 'alaw_8000',
};
const own = /^(mp3|pcm|wav|opus|ulaw|alaw)_\d{4,5}(_\d{2,3})?$/;

const mediaTypes: Record<string, string> = {
  mp3: 'audio/mpeg',
  wav: 'audio/wav',
  pcm: 'audio/pcm',
  opus: 'audio/ogg',
  ulaw: 'audio/basic',
  alaw: 'audio/x-alaw-basic',
};

/**
 * The vendor's `output_format` for a format asked: a word such as "mp3", or one of its own such as "mp3_22050_32". Only speech comes
 * as WAV. Throws unsupported_parameter for formats that it does not make.
 */
export function outputFormat(kind: 'speech' | 'music' | 'sound effects', format: string): string {
  const known = Object.hasOwn(words, format) ? words[format] : undefined;
  const found = known ?? (own.test(format) ? format : undefined);
  if (found !== undefined && (kind === 'speech' || !found.startsWith('wav'))) return found;
  const allowed = Object.keys(words).filter((word) => kind === 'speech' || word !== 'wav');
  throw refuse('format', `ElevenLabs ${kind} cannot be made as "${format.slice(0, 100)}".`, allowed);
}

/** Media type of what an `output_format` delivers; MP3 where the vendor chooses. */
export function mediaTypeOfFormat(format: string | undefined): string {
  return mediaTypes[format?.split('_')[0] ?? 'mp3'] ?? 'audio/mpeg';
}
