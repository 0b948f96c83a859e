import type { Provider } from '../src/contract/index.ts';
import { isQuotaExhausted } from './elevenlabs/failure.ts';
import { music } from './elevenlabs/music.ts';
import { soundEffect } from './elevenlabs/sound-effect.ts';
import { speech } from './elevenlabs/speech.ts';
import { transcription } from './elevenlabs/transcription.ts';
import { readUsage } from './elevenlabs/usage.ts';

/**
 * ElevenLabs over its REST API: every call is answered with the finished work. A model's row of config/models.json may hold
 * `options: {voice?, voices?: {name: id}, dialogue?}`. https://elevenlabs.io/docs/api-reference
 */
export const elevenlabs: Provider = {
  id: 'elevenlabs',
  media: { speech, transcription, music, sound_effect: soundEffect },
  readUsage,
  isQuotaExhausted,
};
