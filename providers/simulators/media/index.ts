export { aac } from './aac.ts';
export {
  type MusicRequest,
  musicPcm,
  pcmBytes,
  type SpeechRequest,
  speechPcm,
  speechSeconds,
  wav,
  wavSeconds,
} from './audio.ts';
export { flac } from './flac.ts';
export { gif } from './gif.ts';
export { glb } from './glb.ts';
export { jpeg } from './jpeg.ts';
export { type Mp3Request, mp3, mp3Seconds } from './mp3.ts';
export { type Mp4Request, mp4, mp4Stream } from './mp4.ts';
export { opus } from './opus.ts';
export type { PictureRequest } from './picture.ts';
export { png } from './png.ts';
export { readSpokenText } from './read-speech.ts';
export { webp } from './webp.ts';
