import type { Provider } from '../src/contract/index.ts';
import { isSpecialist, modelPath } from './shared/google-model.ts';
import { lateJobPort, latePort } from './shared/late-port.ts';
import { readGeminiUsage } from './shared/usage-gemini.ts';

/** Google's Gemini API: text, embeddings, images, speech, transcription, music, video. The base URL is the origin. @see https://ai.google.dev/api */
export const google: Provider = {
  id: 'google',
  text: {
    gemini: (call) => ({
      url: `${call.baseUrl}/v1beta/${modelPath(call.model)}:${call.stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
      headers: { 'x-goog-api-key': call.key, 'x-client-request-id': call.attemptId },
    }),
  },
  free: {
    'gemini/countTokens': (call) => ({
      url: `${call.baseUrl}/v1beta/${modelPath(call.model)}:countTokens`,
      headers: { 'x-goog-api-key': call.key, 'x-client-request-id': call.attemptId },
    }),
  },
  converses: ['image', 'speech'],
  media: {
    embedding: latePort(
      () => ['input', 'dimensions', 'task'],
      async () => (await import('./shared/google-embedding.ts')).googleEmbedding,
    ),
    image: latePort(
      // One opaque PNG is all that can be had: `n`, `format` and `background` are met or refused.
      () => ['prompt', 'n', 'size', 'ratio', 'quality', 'format', 'background', 'images', 'seed'],
      async () => (await import('./shared/google-image.ts')).googleImage,
    ),
    speech: latePort(
      () => ['text', 'voice', 'voices', 'format', 'speed', 'instructions', 'language', 'seed'],
      async () => (await import('./shared/google-audio.ts')).googleSpeech,
    ),
    transcription: latePort(
      ({ model }) => [
        ...(['audio', 'language', 'format', 'temperature', 'seed'] as const),
        ...(isSpecialist(model) ? (['timestamps', 'diarize'] as const) : (['prompt', 'translate'] as const)),
      ],
      async () => (await import('./shared/google-audio.ts')).googleTranscription,
    ),
    music: latePort(
      () => ['prompt', 'seconds', 'lyrics', 'instrumental', 'format', 'seed'],
      async () => (await import('./shared/google-music.ts')).googleMusic,
    ),
    video: lateJobPort(
      () => ['prompt', 'seconds', 'size', 'ratio', 'resolution', 'audio', 'negativePrompt', 'images', 'seed'],
      async () => (await import('./shared/google-video.ts')).googleVideo,
    ),
  },
  readUsage: readGeminiUsage,
};
