import {
  type Call,
  GatewayError,
  type Json,
  type JsonObject,
  type MediaPort,
  type MediaRequestOf,
  type Operation,
  type Provider,
  stringAt,
} from '../src/contract/index.ts';
import type { Modality, Ref } from './luma/generation.ts';
import { readUsage, summarise } from './luma/usage.ts';
import { type Ask, exchange } from './shared/job-exchange.ts';
import { garbageError } from './shared/outcome.ts';

/**
 * Luma's Dream Machine: Ray videos and Photon pictures as generations that are asked about or call back. It reports no cost.
 * https://docs.lumalabs.ai/reference
 */
export const luma: Provider = {
  id: 'luma',
  media: {
    video: port('video', async () => (await requests()).writeVideo, [
      'prompt',
      'seconds',
      'size',
      'ratio',
      'resolution',
      'images',
    ]),
    image: port('image', async () => (await requests()).writeImage, ['prompt', 'size', 'ratio', 'format', 'images']),
  },
  readUsage,
};

// A gateway that makes nothing at Luma needs none of these.
const requests = () => import('./luma/request.ts');
const generations = () => import('./luma/generation.ts');

function port<M extends Modality>(
  modality: M,
  writer: () => Promise<(request: MediaRequestOf<M>, call: Call) => JsonObject>,
  honoured: ReturnType<NonNullable<MediaPort<M>['honours']>>,
): MediaPort<M> {
  const look = async (ref: Ref, call: Call): Promise<Operation> => {
    const { readGeneration } = await generations();
    const answer = await ask(call, `/generations/${ref.id}`, { purpose: 'look', method: 'GET' });
    return readGeneration(answer, modality, ref, call);
  };
  return {
    honours: () => honoured,
    async submit(request, call) {
      const write = await writer();
      const { isGenerationId, readGeneration } = await generations();
      const body = write(request, call);
      const answer = await ask(call, `/generations/${modality}`, { purpose: 'create', method: 'POST', body });
      const id = stringAt(answer, 'id');
      if (!id || !isGenerationId(id)) throw garbageError('luma', 'Luma named no generation.');
      return readGeneration(answer, modality, { id, asked: summarise(body) }, call);
    },
    poll: async (ref, call) => look((await generations()).readRef(ref), call),
    async cancel(ref, call) {
      const known = (await generations()).readRef(ref);
      // Deleting an ended generation would delete what it made.
      const before = await look(known, call);
      if (before.status !== 'queued' && before.status !== 'in_progress') return before;
      await ask(call, `/generations/${known.id}`, { purpose: 'cancel', method: 'DELETE' });
      const message = 'The generation was deleted; Luma does not say what it cost.';
      const error = new GatewayError('request_canceled', { message, provider: 'luma', billing: 'unknown' });
      return { status: 'canceled', error, ref: { ...known } };
    },
  };
}

function ask(call: Call, path: string, what: Omit<Ask, 'url' | 'headers'>): Promise<Json | undefined> {
  const headers = { authorization: `Bearer ${call.key}`, accept: 'application/json' };
  return exchange(call, 'luma', { ...what, url: call.baseUrl + path, headers });
}
