import {
  type Call,
  GatewayError,
  type Json,
  type MediaPort,
  type MediaRequestOf,
  type Operation,
  type Provider,
  stringAt,
} from '../src/contract/index.ts';
import { ask, isQuotaExhausted } from './runway/client.ts';
import { picturesHonours, shapeOf } from './runway/models.ts';
import { type Written, writeImage, writeSoundEffect, writeSpeech, writeVideo } from './runway/request.ts';
import { isTaskId, type Modality, type Ref, readRef, readTask } from './runway/task.ts';
import { readUsage, summarise } from './runway/usage.ts';
import { garbageError } from './shared/outcome.ts';

/**
 * Runway: its own models and those of other vendors as tasks that are asked about. It has no webhooks. What a task cost is
 * what Runway says in credits, of failed and canceled tasks too. https://docs.dev.runwayml.com/api/
 */
export const runway: Provider = {
  id: 'runway',
  media: {
    video: port('video', writeVideo, (call) => picturesHonours(call, 'video') as Fields<'video'>),
    image: port('image', writeImage, (call) => picturesHonours(call, 'image') as Fields<'image'>),
    speech: port('speech', writeSpeech, speechHonours),
    sound_effect: port('sound_effect', writeSoundEffect, soundHonours),
  },
  readUsage,
  isQuotaExhausted,
};

type Fields<M extends Modality> = ReturnType<NonNullable<MediaPort<M>['honours']>>;

function port<M extends Modality>(
  modality: M,
  write: (request: MediaRequestOf<M>, call: Call) => Promise<Written>,
  honours: NonNullable<MediaPort<M>['honours']>,
): MediaPort<M> {
  const look = async (ref: Ref, call: Call): Promise<Operation> => {
    const task = await ask(call, `/tasks/${ref.id}`, { purpose: 'look', method: 'GET' });
    return readTask(task, modality, ref, call);
  };
  return {
    honours,
    async submit(request, call) {
      const { endpoint, body, warnings } = await write(request, call);
      const answer = await ask(call, `/${endpoint}`, { purpose: 'create', method: 'POST', body });
      const id = stringAt(answer, 'id');
      if (!id || !isTaskId(id)) throw garbageError('runway', 'Runway named no task.');
      const ref: Json = { id, asked: summarise(body), warnings };
      return { status: 'queued', ref, pollAfterMs: 5000 };
    },
    poll: async (ref, call) => look(readRef(ref), call),
    async cancel(ref, call) {
      const known = readRef(ref);
      // Deleting an ended task would delete what it made.
      const before = await look(known, call);
      if (before.status !== 'queued' && before.status !== 'in_progress') return before;
      await ask(call, `/tasks/${known.id}`, { purpose: 'cancel', method: 'DELETE' });
      return look(known, call).catch(() => canceled(known));
    },
  };
}

/** A task that can no longer be asked about after its end: what it cost stays unknown. */
function canceled(ref: Ref): Operation {
  const message = 'The task was canceled; Runway does not say what it cost.';
  const error = new GatewayError('request_canceled', { message, provider: 'runway', billing: 'unknown' });
  return { status: 'canceled', error, ref: { ...ref } };
}

function speechHonours({ model }: Pick<Call, 'model'>): Fields<'speech'> {
  const known = shapeOf(model, 'text_to_speech');
  const own = (known ? (known.words ?? []) : ['seed', 'speed', 'language', 'format']) as Fields<'speech'>;
  return model === 'seed_audio' ? ['text', ...own] : ['text', 'voice', ...own];
}

function soundHonours({ model }: Pick<Call, 'model'>): Fields<'sound_effect'> {
  const known = shapeOf(model, 'sound_effect');
  if (!known) return ['prompt', 'seconds', 'format'];
  return [
    'prompt',
    ...(known.seconds ? (['seconds'] as const) : []),
    ...(known.words?.includes('format') ? (['format'] as const) : []),
  ];
}
