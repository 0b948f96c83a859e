import type { Provider } from '../src/contract/index.ts';
import { googleSpeech, googleTranscription } from './shared/google-audio.ts';
import { modelPath } from './shared/google-client.ts';
import { googleEmbedding } from './shared/google-embedding.ts';
import { googleImage } from './shared/google-image.ts';
import { googleMusic } from './shared/google-music.ts';
import { googleVideo } from './shared/google-video.ts';
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
    embedding: googleEmbedding,
    image: googleImage,
    speech: googleSpeech,
    transcription: googleTranscription,
    music: googleMusic,
    video: googleVideo,
  },
  readUsage: readGeminiUsage,
};
