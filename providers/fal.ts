import type { MediaPort, Provider } from '../src/contract/index.ts';
import { isQuotaExhausted } from './fal/failure.ts';
import { type FalRequest, honoured } from './fal/fields.ts';
import { billedBy, readUsage } from './fal/usage.ts';

/**
 * fal: any endpoint by its id (`fal-ai/flux/dev`), always through the queue, never the connection-bound `fal.run`.
 * What an endpoint's fields are called and what it bills by stands in its row of config/models.json:
 * `options: {input?, fields?, output?, billing?, params?}`. https://docs.fal.ai/model-endpoints/queue
 */
export const fal: Provider = {
  id: 'fal',
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
  isQuotaExhausted,
};

// A gateway that makes nothing at fal needs none of these.
const client = () => import('./fal/client.ts');
const job = () => import('./fal/job.ts');

function port<M extends FalRequest['modality']>(modality: M): MediaPort<M> {
  type Fields = ReturnType<NonNullable<MediaPort<M>['honours']>>;
  return {
    async submit(request, call) {
      const own = request as FalRequest;
      const { writeInput } = await import('./fal/input.ts');
      const { submitJob, writeRef } = await client();
      const { pollAfterMs } = await job();
      const { input, warnings } = await writeInput(own, call);
      const id = await submitJob(call, input);
      const ref = writeRef({ id, warnings, asked: billedBy(input, own, call.options) });
      return { status: 'queued', ref, pollAfterMs: pollAfterMs[modality] };
    },
    poll: async (ref, call) => (await job()).lookAt((await client()).readRef(ref), modality, call),
    cancel: async (ref, call) => (await job()).stop((await client()).readRef(ref), modality, call),
    honours: ({ options }) => honoured(modality, options) as readonly string[] as Fields,
  };
}
