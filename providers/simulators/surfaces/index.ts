import type { Endpoint } from '../openai/routes.ts';
import { speech } from '../openai/speech.ts';
import { transcriptions, translations } from '../openai/transcriptions.ts';
import { cohere } from './cohere.ts';
import { cohereDocuments } from './cohere-documents.ts';
import { mistralAudio } from './mistral-audio.ts';
import { mistralText } from './mistral-text.ts';

/** What a vendor that speaks OpenAI's chat language has beside it, in its own words, by path. */
export const surfaces: Record<string, Record<string, Endpoint>> = {
  cohere: { ...cohere, ...cohereDocuments },
  groq: {
    '/audio/speech': speech,
    '/audio/transcriptions': transcriptions,
    '/audio/translations': translations,
  },
  mistral: { ...mistralText, ...mistralAudio },
};
