import {
  at,
  type Json,
  type JsonObject,
  numberAt,
  type Observed,
  stringAt,
  type Usage,
} from '../../src/contract/index.ts';
import { charactersOf } from '../shared/asked.ts';
import { Leaves } from '../shared/leaves.ts';

/**
 * What a task consumed: the credits that Runway itself reports, of ended tasks what was charged (failed and canceled ones too), of others its
 * estimate. Only where it reports none, what the request (`promptText`, `duration`, `ratio`, `audio`, `outputCount`) says; never both.
 */
export function readUsage(observed: Observed): Usage | undefined {
  const { response, usage } = observed;
  const charged =
    numberAt(response, 'cost', 'credits') ?? numberAt(usage, 'cost', 'credits') ?? numberAt(usage, 'credits');
  if (charged !== undefined) return credits(charged, 'body', { cost: { credits: charged } });
  const estimate = numberAt(response, 'estimatedCost', 'credits') ?? numberAt(usage, 'estimatedCost', 'credits');
  if (estimate !== undefined) return credits(estimate, 'estimated', { estimatedCost: { credits: estimate } });
  const task = stringAt(response, 'status');
  return task === undefined || task === 'SUCCEEDED' ? readRequest(observed) : undefined;
}

function credits(quantity: number, source: 'body' | 'estimated', raw: Json): Usage | undefined {
  if (quantity < 0) return undefined;
  const more = source === 'estimated' ? ({ raw, basis: 'pre_call_estimate' } as const) : { raw };
  return new Leaves().add('provider_credits', quantity, { dims: { unit: 'credit' } }).usage(source, more);
}

function readRequest({ request, response, modality }: Observed): Usage | undefined {
  if (request === undefined) return undefined;
  const resolution = linesOf(stringAt(request, 'ratio'));
  const duration = numberAt(request, 'duration');
  if (modality === 'video') {
    const audio = at(request, 'audio');
    const dims = {
      ...(resolution ? { resolution } : {}),
      ...(typeof audio === 'boolean' ? { audio: String(audio) } : {}),
    };
    return new Leaves().add('output_video_seconds', duration, { dims }).usage('derived');
  }
  if (modality === 'image') {
    const output = at(response, 'output');
    const made = Array.isArray(output) ? output.length : (numberAt(request, 'outputCount') ?? 1);
    return new Leaves().add('images', made, { dims: resolution ? { resolution } : {} }).usage('derived');
  }
  if (modality === 'speech') {
    const characters = numberAt(request, 'characters') ?? charactersOf(stringAt(request, 'promptText'));
    return new Leaves().add('input_characters', characters).usage('derived');
  }
  return modality === 'sound_effect' ? new Leaves().add('output_audio_seconds', duration).usage('derived') : undefined;
}

function linesOf(ratio: string | undefined): string | undefined {
  const sides = /^(\d{3,}):(\d{3,})$/.exec(ratio ?? '');
  return sides ? `${Math.min(Number(sides[1]), Number(sides[2]))}p` : undefined;
}

/** The part of a request that pricing needs, without words, pictures or sounds. */
export function summarise(body: JsonObject): JsonObject {
  const { duration, ratio, audio, outputCount, promptText } = body;
  const characters = typeof promptText === 'string' ? charactersOf(promptText) : undefined;
  return JSON.parse(JSON.stringify({ duration, ratio, audio, outputCount, characters })) as JsonObject;
}
