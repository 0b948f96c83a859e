import type { Provider } from '../src/contract/index.ts';
import { isQuotaExhausted } from './elevenlabs/failure.ts';
import { readUsage } from './elevenlabs/usage.ts';
import { speaksDialogues, takesLanguage } from './elevenlabs/voicing.ts';
import { latePort } from './shared/late-port.ts';

/**
 * ElevenLabs over its REST API: every call is answered with the finished work. A model's row of config/models.json may hold
 * `options: {voice?, voices?: {name: id}, dialogue?}`. https://elevenlabs.io/docs/api-reference
 */
export const elevenlabs: Provider = {
  id: 'elevenlabs',
  media: {
    speech: latePort(
      (call) => [
        'text',
        'voice',
        'format',
        'speed',
        'seed',
        'timestamps',
        ...(speaksDialogues(call) ? (['voices'] as const) : []),
        ...(takesLanguage(call) ? (['language'] as const) : []),
      ],
      async () => (await import('./elevenlabs/speech.ts')).speech,
    ),
    transcription: latePort(
      () => ['audio', 'language', 'format', 'temperature', 'timestamps', 'diarize', 'seed'],
      async () => (await import('./elevenlabs/transcription.ts')).transcription,
    ),
    music: latePort(
      () => ['prompt', 'seconds', 'lyrics', 'instrumental', 'format'],
      async () => (await import('./elevenlabs/music.ts')).music,
    ),
    sound_effect: latePort(
      () => ['prompt', 'seconds', 'format'],
      async () => (await import('./elevenlabs/sound-effect.ts')).soundEffect,
    ),
  },
  readUsage,
  isQuotaExhausted,
};
