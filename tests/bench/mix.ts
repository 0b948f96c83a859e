import { chatRequest, pathOf } from './answers.ts';
import type { MixKind } from './soak-load.ts';

/** The soak's requests, and what its callers, its fake vendors and its checks must agree on. */

/** Answers only after `slowMs`. */
export const slowProvider = 'together';
export const slowMs = 1_000;

/** Of each fake vendor: its model, and the environment that leads the gateway to it. */
export const vendors: Record<string, { model: string; key: string; url: string }> = {
  openai: { model: 'gpt-5.5', key: 'OPENAI_API_KEY', url: 'OPENAI_BASE_URL' },
  xai: { model: 'grok-4.6', key: 'XAI_API_KEY', url: 'XAI_BASE_URL' },
  mistral: { model: 'mistral-large-2512', key: 'MISTRAL_API_KEY', url: 'MISTRAL_BASE_URL' },
  groq: { model: 'llama-3.3-70b-versatile', key: 'GROQ_API_KEY', url: 'GROQ_BASE_URL' },
  [slowProvider]: {
    model: 'meta-llama/Llama-3.3-70B-Instruct-Turbo',
    key: 'TOGETHER_API_KEY',
    url: 'TOGETHER_BASE_URL',
  },
};

export const imageModel = 'gpt-image-1.5';
/** Input tokens that an image is billed. */
export const imageInput = 12;

/** These cost nothing by the rules of the house: a refusal, or an answer that is none. */
export const unbilledFaults = ['limit', 'limit-later', 'overload', 'error', 'garbage'] as const;
/** After these nobody can say whether the vendor bills. */
export const unknownFaults = ['reset', 'stall'] as const;
/** How a request fails, by what was asked. A stall of an image would outlast the run: its deadline is minutes. */
export const faultsOf = {
  chat: [...unbilledFaults, ...unknownFaults, 'half'],
  stream: [...unbilledFaults, ...unknownFaults, 'cut', 'hush'],
  image: [...unbilledFaults, 'reset', 'half'],
} as const;
export type CallKind = keyof typeof faultsOf;
export type Fault = (typeof faultsOf)[CallKind][number];

/** One request as its vendor has it. `tokens`: output tokens of the whole answer. `full`: it was answered whole. */
export type Received = {
  attempt: string;
  provider: string;
  kind: CallKind;
  fault?: Fault;
  billed: boolean;
  tokens: number;
  full: boolean;
};

const slowWeight = 5;
const endOfChat = '"audio_tokens":0}}}';
const endOfStream = 'data: [DONE]\n\n';

/** Requests by weight. The fast ones weigh 95, with the slow provider's 100. */
export function mixOf(withSlow: boolean): { kinds: MixKind[]; share: number } {
  const idOf = (provider: string) => `${provider}/${vendors[provider]!.model}`;
  const chat = (provider: string, weight: number): MixKind => ({
    label: `${provider} chat`,
    weight,
    path: pathOf('chat'),
    body: chatRequest('chat', idOf(provider)),
    end: endOfChat,
    timed: provider !== slowProvider,
  });
  const stream = (provider: string, weight: number, more: Partial<MixKind> = {}): MixKind => ({
    label: `${provider} stream`,
    weight,
    path: pathOf('stream'),
    body: chatRequest(weight % 2 === 0 ? 'stream' : 'stream-with-usage', idOf(provider), more.leaves),
    end: endOfStream,
    ...more,
  });
  const own = (label: string, weight: number, path: string, body: object): MixKind => ({
    label,
    weight,
    path,
    body: JSON.stringify(body),
    end: '}',
  });
  const input = 'Tell me in a few sentences how a lighthouse works.';
  const picture = { prompt: 'A lighthouse at dusk', size: '1024x1024', quality: 'low' };
  const kinds = [
    chat('openai', 24),
    chat('xai', 16),
    chat('mistral', 16),
    chat('groq', 13.7),
    stream('openai', 9),
    stream('xai', 5),
    stream('mistral', 4),
    stream('openai', 2, { label: 'openai stream, caller leaves', leaves: true }),
    {
      label: 'openai stream, crossed',
      weight: 3,
      path: pathOf('crossed'),
      body: chatRequest('crossed', idOf('openai')),
      end: 'data: {"type":"message_stop"}\n\n',
    },
    own('groq generation', 2, '/v1/generations', { model: idOf('groq'), input }),
    own('openai image', 0.3, '/v1/images/generations', { model: `openai/${imageModel}`, ...picture }),
  ];
  if (withSlow) kinds.push(chat(slowProvider, slowWeight));
  return { kinds, share: withSlow ? 1 : 1 - slowWeight / 100 };
}
