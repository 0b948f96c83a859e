import { speechPcm, wav } from '../../providers/simulators/media/index.ts';
import { random } from '../../providers/simulators/seed.ts';

export type Target = { url: string; appKey: string };

/** One request of the mix: `chat` goes to /v1/chat/completions, everything else to /v1/generations. */
export type MixedRequest = {
  index: number;
  kind: string;
  chat: boolean;
  stream: boolean;
  body: Record<string, unknown>;
};

export type Receipt = {
  total: string | null;
  status: string;
  lines: { meter: string; quantity: string; amount: string | null }[];
};
export type Output = { type: string; url?: string; text?: string; seconds?: number; media_type?: string };
export type Generation = {
  id: string;
  modality: string;
  model: string;
  status: string;
  outputs: Output[];
  receipt: Receipt | null;
  attempts: { id: string; state: string; outcome: string | null; cost_status: string | null }[];
  error?: { code: string; message: string };
};

/** What a client got: an answer, possibly with its receipt, or a broken connection. */
export type Outcome = {
  request: MixedRequest;
  status: number | 'lost';
  generation?: string;
  receipt?: Pick<Receipt, 'total' | 'status'>;
  /** What was said instead of an answer. */
  complaint?: string;
};

const texts = [
  'openai/gpt-5.5',
  'anthropic/claude-sonnet-5',
  'google/gemini-3.8-flash',
  'xai/grok-4.6',
  'openrouter/meta-llama/llama-3.3-70b-instruct',
  'deepseek/deepseek-flash',
  'mistral/mistral-large-2512',
  'groq/llama-3.3-70b-versatile',
  'together/meta-llama/Llama-3.3-70B-Instruct-Turbo',
  'cohere/command-a-03-2025',
  'qwen/qwen3.7-plus',
];

type Recipe = Omit<MixedRequest, 'index' | 'body'> & { body(index: number): Record<string, unknown> };

function recipes(): Recipe[] {
  const all: Recipe[] = [];
  const words = (index: number) => `Request ${index}: tell me about the ${['lamp', 'tide', 'harbour'][index % 3]}.`;
  for (const model of texts) {
    for (const stream of [false, true]) {
      const kind = `${model}${stream ? ' streamed' : ''}`;
      all.push({ kind, chat: false, stream, body: (index) => ({ model, stream, input: words(index) }) });
      const messages = (index: number) => [{ role: 'user', content: words(index) }];
      const chat = { kind: `${kind} chat`, chat: true, stream };
      all.push({ ...chat, body: (index) => ({ model, stream, messages: messages(index), max_tokens: 500 }) });
    }
  }
  const media = (model: string, body: (index: number) => Record<string, unknown>) =>
    all.push({ kind: model, chat: false, stream: false, body: (index) => ({ model, ...body(index) }) });
  const samples = { sampleRate: 16_000, channels: 1 };
  const spoken = (index: number) => {
    const text = `Number ${index} is calling`;
    const bytes = wav(speechPcm({ text, seed: 'mixed', sampleRate: samples.sampleRate }), samples);
    return `data:audio/wav;base64,${Buffer.from(bytes).toString('base64')}`;
  };
  for (const model of ['openai/text-embedding-3-small', 'google/gemini-embedding-001', 'cohere/embed-v4.0']) {
    media(model, (index) => ({ input: [words(index), 'storm'] }));
  }
  media('openai/gpt-image-2', (index) => ({ input: words(index), size: '1024x1024', quality: 'low' }));
  media('openai/gpt-image-1.5', (index) => ({ input: words(index), size: '1024x1024', quality: 'medium' }));
  media('google/gemini-3.1-flash-image', (index) => ({ input: words(index) }));
  media('replicate/black-forest-labs/flux-schnell', (index) => ({ input: words(index), n: 2 }));
  media('replicate/stability-ai/stable-diffusion-3.5-large', (index) => ({ input: words(index) }));
  for (const model of ['openai/gpt-4o-mini-tts', 'google/gemini-3.8-flash-tts']) {
    media(model, (index) => ({ input: `Number ${index} is calling.` }));
  }
  for (const model of ['openai/gpt-4o-transcribe', 'openai/whisper-1', 'google/gemini-3.5-transcribe']) {
    media(model, (index) => ({ input: spoken(index) }));
  }
  // A job that outlives its request: answered with 202, polled by the gateway.
  media('replicate/meta/musicgen', (index) => ({ input: words(index), seconds: 2, wait: 0 }));
  media('google/lyria-3.5', (index) => ({ input: words(index) }));
  return all;
}

/** `count` requests, the same for the same seed: every kind in turn, in shuffled order. */
export function mixedRequests(count: number, seed: string): MixedRequest[] {
  const all = recipes();
  const dice = random(seed);
  const requests: MixedRequest[] = [];
  for (let index = 0; index < count; index++) {
    const { body, ...recipe } = all[index % all.length]!;
    requests.push({ ...recipe, index, body: body(index) });
  }
  for (let last = requests.length - 1; last > 0; last--) {
    const other = dice.below(last + 1);
    [requests[last], requests[other]] = [requests[other]!, requests[last]!];
  }
  return requests;
}

/**
 * Sends requests, at most `width` at a time, and takes each from the front of `requests` as it goes: what is left there
 * was never sent. `goOn` is asked before each one.
 */
export async function runMixed(
  target: Target,
  requests: MixedRequest[],
  options: { width?: number; goOn?: () => boolean; seen?: (outcome: Outcome) => void } = {},
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const worker = async () => {
    while (requests.length > 0 && (options.goOn?.() ?? true)) {
      const outcome = await sendMixed(target, requests.shift()!);
      outcomes.push(outcome);
      options.seen?.(outcome);
    }
  };
  await Promise.all(Array.from({ length: options.width ?? 8 }, worker));
  return outcomes;
}

async function sendMixed(target: Target, request: MixedRequest): Promise<Outcome> {
  const outcome: Outcome = { request, status: 'lost' };
  try {
    const answer = await fetch(`${target.url}/v1/${request.chat ? 'chat/completions' : 'generations'}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${target.appKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(request.body),
    });
    outcome.generation = answer.headers.get('x-atelier-generation') ?? undefined;
    const text = await answer.text();
    if (!answer.ok) return { ...outcome, status: answer.status, complaint: text };
    if (request.chat) readChat(outcome, answer.headers, text);
    else readGeneration(outcome, text);
    if (request.chat && request.stream && !outcome.complaint && outcome.generation) {
      outcome.receipt = (await readOne(target, outcome.generation)).receipt ?? undefined;
    }
    return { ...outcome, status: answer.status };
  } catch (thrown) {
    return { ...outcome, complaint: String(thrown) };
  }
}

/** A chat answer carries its cost in headers; a stream only the id under which it is found. */
function readChat(outcome: Outcome, headers: Headers, text: string): void {
  if (outcome.request.stream) {
    if (!text.trimEnd().endsWith('data: [DONE]')) outcome.complaint = `no end: ${text.slice(-300)}`;
    return;
  }
  outcome.receipt = {
    total: headers.get('x-atelier-cost-usd'),
    status: headers.get('x-atelier-cost-status') ?? 'missing',
  };
}

function readGeneration(outcome: Outcome, text: string): void {
  const last = outcome.request.stream ? text.trimEnd().split('\n\n').at(-1)?.split('data: ')[1] : text;
  const read = JSON.parse(last ?? '{}') as Generation & { generation?: Generation };
  const generation = outcome.request.stream ? read.generation : read;
  if (!generation?.id) outcome.complaint = `no end: ${text.slice(-300)}`;
  outcome.generation ??= generation?.id;
  outcome.receipt = generation?.receipt ?? undefined;
}

export async function readOne(target: Target, id: string): Promise<Generation> {
  return (await get(target, `/v1/generations/${id}`)) as Generation;
}

/** Every generation of the key, over all pages. */
export async function readAll(target: Target): Promise<Generation[]> {
  const all: Generation[] = [];
  let after = '';
  while (true) {
    const page = (await get(target, `/v1/generations?limit=100${after}`)) as {
      data: Generation[];
      has_more: boolean;
      last_id: string;
    };
    all.push(...page.data);
    if (!page.has_more) return all;
    after = `&after=${page.last_id}`;
  }
}

/** Waits until no attempt is open any more: every outcome is in the book. */
export async function waitUntilSettled(target: Target, patience = 30_000): Promise<Generation[]> {
  for (const until = Date.now() + patience; ; ) {
    const all = await readAll(target);
    const open = all.filter((one) => one.attempts.some((attempt) => attempt.state === 'dispatched'));
    if (open.length === 0) return all;
    if (Date.now() > until) throw new Error(`Still open: ${JSON.stringify(open.slice(0, 3))}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

export async function readSpend(target: Target): Promise<{ total_usd: string; rows: { unpriced: number }[] }> {
  return (await get(target, '/v1/spend?group_by=modality,model')) as {
    total_usd: string;
    rows: { unpriced: number }[];
  };
}

async function get(target: Target, path: string): Promise<unknown> {
  const answer = await fetch(target.url + path, { headers: { authorization: `Bearer ${target.appKey}` } });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
  return answer.json();
}

/** The simulators' own ledger: what they would bill for each client request id, in pico-dollars. */
export type Ledger = { total: bigint; unpriced: string[]; byClient: Map<string, { pico: bigint; calls: number }> };

export async function readLedger(simulators: { url: string }): Promise<Ledger> {
  const answer = await fetch(`${simulators.url}/_simulator/ledger`);
  const ledger = (await answer.json()) as {
    total_pico: string;
    providers: {
      provider: string;
      calls: { client?: string; model: string; amount_pico: string; unpriced: number; charges: unknown[] }[];
    }[];
  };
  const byClient = new Map<string, { pico: bigint; calls: number }>();
  const unpriced: string[] = [];
  for (const { provider, calls } of ledger.providers) {
    for (const call of calls) {
      if (call.unpriced > 0) unpriced.push(`${provider}/${call.model} ${JSON.stringify(call.charges)}`);
      const client = call.client ?? `${provider} without a client id`;
      const known = byClient.get(client) ?? { pico: 0n, calls: 0 };
      byClient.set(client, { pico: known.pico + BigInt(call.amount_pico), calls: known.calls + 1 });
    }
  }
  return { total: BigInt(ledger.total_pico), unpriced, byClient };
}
