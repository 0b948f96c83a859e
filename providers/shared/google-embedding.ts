import { GatewayError, type MediaPort } from '../../src/contract/index.ts';
import { completed, failed, runMedia, usageOf } from './google-media.ts';
import { modelPath } from './google-model.ts';
import { callerParams, dropped, present } from './params.ts';

const owned = ['model', 'content', 'contents', 'requests'];

/** Embeddings by Gemini: one batch call, one vector for each input. @see https://ai.google.dev/gemini-api/docs/embeddings */
export const googleEmbedding: Pick<MediaPort<'embedding'>, 'submit'> = {
  submit: (request, call) =>
    runMedia(call, 'embedding', async (client) => {
      const params = callerParams(request.params, owned);
      const answer = await client.models.embedContent({
        model: modelPath(call.model),
        contents: request.input.map((text) => ({ role: 'user', parts: [{ text }] })),
        config: present({
          ...params,
          taskType: request.task,
          outputDimensionality: request.dimensions,
          abortSignal: call.signal,
        }),
      });
      const vectors = (answer.embeddings ?? []).flatMap((embedding) => (embedding.values ? [embedding.values] : []));
      if (vectors.length !== request.input.length) {
        const error = new GatewayError('invalid_output', {
          message: `google returned ${vectors.length} embeddings for ${request.input.length} inputs.`,
          provider: 'google',
          failure: 'C',
          billing: answer.usageMetadata ? 'known' : 'unknown',
        });
        return failed(call, 'embedding', error, answer.usageMetadata);
      }
      const outputs = vectors.map((vector, index) => ({ type: 'embedding' as const, index, vector }));
      const usage = usageOf(call, 'embedding', answer.usageMetadata);
      return completed(outputs, usage, dropped('google', { user: request.user, seed: request.seed }));
    }),
};
