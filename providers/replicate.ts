import type { Call, JsonObject, MediaPort, Provider } from '../src/contract/index.ts';
import { GatewayError } from '../src/contract/index.ts';
import type { ReplicateRequest } from './replicate/input.ts';
import { readUsage } from './replicate/usage.ts';

/**
 * Replicate: any model by its `owner/name`, with `owner/name:version` or `options.version` for community models.
 * What a model's fields are called and what it bills by stands in its row of config/models.json:
 * `options: {version?, official?, input?, fields?, output?, billing?, params?, wait?}`. https://replicate.com/docs/reference/http
 */
export const replicate: Provider = {
  id: 'replicate',
  media: {
    image: port('image'),
    music: port('music'),
    sound_effect: port('sound_effect'),
    speech: port('speech'),
    transcription: port('transcription'),
    video: port('video'),
    model3d: port('model3d'),
  },
  readUsage,
  isQuotaExhausted: (status) => status === 402,
};

// A gateway that makes nothing at Replicate needs none of these.
const client = () => import('./replicate/client.ts');
const predictions = () => import('./replicate/prediction.ts');

function port<M extends ReplicateRequest['modality']>(modality: M): MediaPort<M> {
  return {
    async submit(request, call) {
      const target = readTarget(call);
      const { writeInput } = await import('./replicate/input.ts');
      const { ask } = await client();
      const { readPrediction } = await predictions();
      const { input, warnings } = await writeInput(request as ReplicateRequest, call);
      const prediction = await ask(call, 'create', (client) =>
        client.predictions.create({
          ...target,
          input,
          signal: call.signal,
          ...(typeof call.options.wait === 'number' ? { wait: call.options.wait } : {}),
          ...(call.webhookUrl ? { webhook: call.webhookUrl, webhook_events_filter: ['completed'] as const } : {}),
        } as Parameters<typeof client.predictions.create>[0]),
      );
      return readPrediction(prediction, modality, call, warnings);
    },
    async poll(ref, call) {
      const { ask } = await client();
      const { readPrediction, readRef } = await predictions();
      const { id, warnings } = readRef(ref);
      const answer = await ask(call, 'get', (client) => client.predictions.get(id, { signal: call.signal }));
      return readPrediction(answer, modality, call, warnings);
    },
    async cancel(ref, call) {
      const { ask } = await client();
      const { readPrediction, readRef } = await predictions();
      const { id, warnings } = readRef(ref);
      const answer = await ask(call, 'cancel', (client) => client.predictions.cancel(id, { signal: call.signal }));
      return readPrediction(answer as JsonObject, modality, call, warnings);
    },
  };
}

/** Which endpoint a model is run by. A name becomes part of a path, so nothing but a name is let through. */
function readTarget(call: Pick<Call, 'model' | 'options'>): { model: string } | { version: string } {
  const [name = '', ownVersion] = call.model.split(':');
  const version = ownVersion ?? call.options.version;
  const refuse = (code: 'model_not_found' | 'invalid_request', message: string) =>
    new GatewayError(code, { message, param: 'model', failure: 'A', billing: 'none' });
  if (!/^\w[\w.-]*\/\w[\w.-]*$/.test(name)) {
    throw refuse('model_not_found', `A Replicate model is written owner/name, not "${call.model.slice(0, 100)}".`);
  }
  if (typeof version === 'string' && version !== '')
    return { version: version.includes('/') ? version : `${name}:${version}` };
  if (call.options.official === false) throw refuse('invalid_request', `The community model ${name} needs a version.`);
  return { model: name };
}
