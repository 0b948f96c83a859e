import type { Charge } from '../bill.ts';
import { type Prompt, type Script, think } from '../text.ts';
import { contextWindow } from './models.ts';
import type { Figures } from './quirks.ts';
import { type Desk, WireError } from './wire.ts';

/** The part of a request that decides what is said and what it costs. */
export type Reading = { model: string; prompt: Prompt; audioParts: number; cacheKey?: string; everything: string };

/** One answer; `choice` tells the answers of one request apart. */
export function perform(asked: Reading, choice: number): Script {
  const script = think({ ...asked.prompt, seed: choice === 0 ? asked.prompt.seed : `${asked.prompt.seed}|${choice}` });
  const limit = asked.prompt.maxTokens ?? Number.POSITIVE_INFINITY;
  if (script.reasoningTokens <= limit) return script;
  return { ...script, reasoning: script.reasoning.slice(0, limit * 4), reasoningTokens: limit, outputTokens: limit };
}

/** What the answers consumed; the prompt counts once. */
export function measure(desk: Desk, asked: Reading, scripts: Script[]): Figures {
  const sum = (pick: (script: Script) => number) => scripts.reduce((total, script) => total + pick(script), 0);
  const input = scripts[0]?.inputTokens ?? 0;
  const audio = asked.audioParts * 85;
  return {
    input,
    audio,
    cached: Math.min(cachedTokens(desk, asked), Math.floor((input - audio) / 128) * 128),
    output: sum((script) => script.outputTokens),
    reasoning: sum((script) => script.reasoningTokens),
  };
}

/** Tokens of the longest prefix seen before under the same key: from 1,024 on, in steps of 128. */
function cachedTokens(desk: Desk, asked: Reading): number {
  let longest = 0;
  for (const before of seenWith(desk, asked)) {
    let same = 0;
    while (same < before.length && before[same] === asked.everything[same]) same++;
    longest = Math.max(longest, Math.floor(same / 4));
  }
  return longest < 1024 ? 0 : Math.floor(longest / 128) * 128;
}

function seenWith(desk: Desk, asked: Reading): string[] {
  return asked.cacheKey === undefined ? [] : (desk.seen.get(`${asked.model}|${asked.cacheKey}`) ?? []);
}

/** Later prompts under the same key may begin with this one. */
export function remember(desk: Desk, asked: Reading): void {
  if (asked.cacheKey === undefined) return;
  desk.seen.set(`${asked.model}|${asked.cacheKey}`, [asked.everything, ...seenWith(desk, asked)].slice(0, 8));
}

export function refuseTooLong(asked: Reading, figures: Figures): void {
  const limit = contextWindow(asked.model);
  if (figures.input <= limit) return;
  const message = `This model's maximum context length is ${limit} tokens. However, your messages resulted in ${figures.input} tokens. Please reduce the length of the messages.`;
  throw new WireError(400, message, { param: 'messages', code: 'context_length_exceeded' });
}

/** The tier an answer names. */
export function servedTier(asked: string | undefined): string {
  return asked === undefined || asked === 'auto' ? 'default' : asked;
}

/** Disjoint meters of one call. */
export function charges(figures: Figures, tier: string): Charge[] {
  const dims = tier === 'default' ? undefined : { service_tier: tier };
  const all: Charge[] = [
    { meter: 'input_text_tokens', quantity: figures.input - figures.cached - figures.audio, dims },
    { meter: 'cached_input_tokens', quantity: figures.cached, dims },
    { meter: 'input_audio_tokens', quantity: figures.audio, dims },
    { meter: 'output_text_tokens', quantity: figures.output, dims },
  ];
  return all.filter((charge) => charge.quantity > 0);
}
