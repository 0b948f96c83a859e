import { directed } from './openai/directed.ts';
import { editImages, generateImages } from './openai/images.ts';
import { reasons } from './openai/models.ts';
import { moderations } from './openai/moderations.ts';
import { openaiUsage, type Quirks } from './openai/quirks.ts';
import {
  cancelResponse,
  createResponse,
  deleteResponse,
  listInputItems,
  retrieveResponse,
} from './openai/responses.ts';
import { routes } from './openai/routes.ts';
import { speech } from './openai/speech.ts';
import { transcriptions, translations } from './openai/transcriptions.ts';
import { createSimulator, type Simulator, type SimulatorOptions } from './simulator.ts';

const quirks: Quirks = {
  strict: true,
  keyless: false,
  idPrefix: 'chatcmpl-',
  reasons,
  usage: openaiUsage,
  streamUsage: 'asked',
  everyChoice: { logprobs: null },
  embeddingLength: (model) => (/-large$/.test(model) ? 3072 : 1536),
};

/**
 * OpenAI, simulated: chat completions, responses, embeddings, images, speech, transcription, moderation and models, below any path prefix.
 * Any key is accepted but `sk-invalid…`. Ids starting with gpt-, o1…, text-embedding-, tts-, whisper-, omni-moderation are served;
 * others, and the retired DALL-E, answer 404. Unknown fields answer 400, except `x_…`, which come back in the answer.
 * Directives choose how media calls end: see `openai/directed.ts`.
 */
export function openai(options: SimulatorOptions = {}): Simulator {
  return createSimulator(
    'openai',
    (context) =>
      routes(context, quirks, options.prices ?? [], {
        '/responses': createResponse,
        'GET /responses/:id': retrieveResponse,
        'DELETE /responses/:id': deleteResponse,
        'GET /responses/:id/input_items': listInputItems,
        '/responses/:id/cancel': cancelResponse,
        '/images/generations': directed(generateImages),
        '/images/edits': directed(editImages),
        '/audio/speech': directed(speech),
        '/audio/transcriptions': directed(transcriptions),
        '/audio/translations': directed(translations),
        '/moderations': moderations,
      }),
    options,
  );
}
