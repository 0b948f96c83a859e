import type { Price } from '../../../src/contract/index.ts';
import { WireError } from './wire.ts';

export type ModelKind = 'chat' | 'embedding' | 'image' | 'speech' | 'transcription' | 'moderation';

/** What an OpenAI model id is for; undefined for ids OpenAI does not serve (DALL-E was shut down on 2026-05-12). */
export function kindOf(model: string): ModelKind | undefined {
  if (/^text-embedding-/.test(model)) return 'embedding';
  if (/^(gpt-image-|chatgpt-image-)/.test(model)) return 'image';
  if (/^tts-|-tts(-|$)/.test(model)) return 'speech';
  if (/^whisper-|transcribe/.test(model)) return 'transcription';
  if (/^omni-moderation/.test(model)) return 'moderation';
  if (/^(gpt-|o\d|chatgpt-)/.test(model)) return 'chat';
  return undefined;
}

export function reasons(model: string): boolean {
  return /^(o\d|gpt-[5-9])/.test(model) && !/-chat/.test(model);
}

/** Tokens that fit, as listed on https://platform.openai.com/docs/models */
export function contextWindow(model: string): number {
  if (/^gpt-3\.5/.test(model)) return 16_385;
  if (/^gpt-4o/.test(model)) return 128_000;
  if (/^o\d/.test(model)) return 200_000;
  return /^gpt-5(-|$)/.test(model) ? 400_000 : 1_047_576;
}

export function modelNotFound(model: string): WireError {
  const message = `The model \`${model}\` does not exist or you do not have access to it.`;
  return new WireError(404, message, { code: 'model_not_found' });
}

/** Refuses a model that is unknown, or known for something else. */
export function requireKind(model: string, kind: ModelKind, path: string): void {
  const found = kindOf(model);
  if (found === kind) return;
  if (!found) throw modelNotFound(model);
  if (kind === 'chat') {
    const message = `This is not a chat model and thus not supported in the v1${path} endpoint. Did you mean to use v1/completions?`;
    throw new WireError(404, message, { param: 'model' });
  }
  const message = `Invalid value: '${model}'. The model is not supported in the v1${path} endpoint.`;
  throw new WireError(400, message, { param: 'model', code: 'invalid_value' });
}

const listed = [
  'gpt-6-astra',
  'gpt-6.1-sol',
  'gpt-5.6-sol',
  'gpt-5.5',
  'gpt-5.4',
  'gpt-5.4-mini',
  'gpt-5-mini',
  'gpt-4.1',
  'gpt-4o',
  'gpt-4o-mini',
  'text-embedding-3-small',
  'text-embedding-3-large',
  'gpt-image-1.5',
  'gpt-image-2',
  'gpt-4o-mini-tts',
  'tts-1',
  'tts-1-hd',
  'gpt-4o-transcribe',
  'gpt-4o-mini-transcribe',
  'gpt-4o-transcribe-diarize',
  'whisper-1',
  'omni-moderation-latest',
];

/** Model ids of this upstream: those with a price, and for OpenAI the current ones. */
export function modelIds(provider: string, prices: Price[]): string[] {
  const priced = prices.filter((price) => price.provider === provider).map((price) => price.model);
  const known = provider === 'openai' ? listed : [];
  return [...new Set([...known, ...priced])];
}
