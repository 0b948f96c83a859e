import type { Provider, TextTarget } from '../src/contract/index.ts';
import { embeddingPort } from './shared/openai-embedding.ts';
import { openaiImage } from './shared/openai-image.ts';
import { openaiSpeech } from './shared/openai-speech.ts';
import { openaiTranscription } from './shared/openai-transcription.ts';
import { readOpenaiUsage } from './shared/usage-openai.ts';

type Call = { key: string; baseUrl: string; attemptId: string };

/** OpenAI: chat, Responses, embeddings, images, speech, transcription. The base URL ends in `/v1`. @see https://developers.openai.com/api/reference */
export const openai: Provider = {
  id: 'openai',
  text: {
    'openai-chat': (call) => target(call, '/chat/completions'),
    'openai-responses': (call) => target(call, '/responses'),
  },
  free: { moderations: (call) => target(call, '/moderations') },
  media: {
    embedding: embeddingPort('openai', readOpenaiUsage),
    image: openaiImage,
    speech: openaiSpeech,
    transcription: openaiTranscription,
  },
  readUsage: readOpenaiUsage,
};

function target(call: Call, path: string): TextTarget {
  return {
    url: call.baseUrl + path,
    headers: { authorization: `Bearer ${call.key}`, 'x-client-request-id': call.attemptId },
  };
}
