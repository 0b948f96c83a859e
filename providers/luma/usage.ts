import { type JsonObject, numberAt, type Observed, stringAt, type Usage } from '../../src/contract/index.ts';
import { Leaves } from '../shared/leaves.ts';

/**
 * What a generation consumed. Luma reports no cost: it sells seconds by resolution, and pictures; both stand in the request that its
 * answer repeats. Undefined for a generation that made nothing.
 */
export function readUsage({ modality, request, response }: Observed): Usage | undefined {
  const state = stringAt(response, 'state');
  if (state !== undefined && state !== 'completed') return undefined;
  const asked = (name: string) => stringAt(response, 'request', name) ?? stringAt(request, name);
  if (modality === 'image') return new Leaves().add('images', 1).usage('derived');
  if (modality !== 'video') return undefined;
  const told = /^(\d+(?:\.\d+)?)s$/.exec(asked('duration') ?? '')?.[1];
  const seconds = told === undefined ? numberAt(request, 'duration') : Number(told);
  const resolution = asked('resolution')?.toLowerCase();
  const dims = resolution ? { resolution } : undefined;
  return new Leaves().add('output_video_seconds', seconds, dims ? { dims } : {}).usage('derived');
}

/** The part of a request that pricing needs. */
export function summarise({ duration, resolution }: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify({ duration, resolution })) as JsonObject;
}
