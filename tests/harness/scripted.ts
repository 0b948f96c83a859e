import { shipped } from '../../config/files.ts';
import { loadShipped } from '../../config/load.ts';
import { VirtualClock } from '../../providers/simulators/clock.ts';
import { createSimulators } from '../../providers/simulators/index.ts';
import { Journal } from '../../providers/simulators/journal.ts';

type Step = {
  provider: string;
  path: string;
  body?: object;
  headers?: Record<string, string>;
  method?: string;
  fault?: string;
};

const words = 'Say exactly: the lamp is lit, naïvely 🌊';
const bearer = { authorization: 'Bearer k' };
const messages = [{ role: 'user', content: words }];
const compatible = ['deepseek', 'mistral', 'xai', 'groq', 'together', 'cohere', 'qwen', 'openrouter'];
const gemini = (model: string, method: string, config: object = {}): Step => ({
  provider: 'google',
  path: `/v1beta/models/${model}:${method}`,
  body: { contents: [{ role: 'user', parts: [{ text: words }] }], generationConfig: config },
  headers: { 'x-goog-api-key': 'k' },
});
const openai = (path: string, body: object, fault?: string): Step => ({
  provider: 'openai',
  path: `/v1${path}`,
  body,
  headers: bearer,
  ...(fault ? { fault } : {}),
});
const chat = { model: 'gpt-5.5', messages };
const streamed = { ...chat, stream: true, stream_options: { include_usage: true } };
const picture = { model: 'gpt-image-2', prompt: words, size: '128x128', quality: 'low', n: 2 };

/** Every kind of answer and output, and faults in all of their kinds. */
const steps: Step[] = [
  openai('/chat/completions', chat),
  openai('/chat/completions', streamed),
  openai('/chat/completions', { ...chat, model: 'no-such-model' }),
  openai('/chat/completions', chat, 'status:429'),
  openai('/chat/completions', chat, 'retry-after-date:5'),
  openai('/chat/completions', chat, 'slow:30000'),
  openai('/chat/completions', streamed, 'reset:3'),
  openai('/chat/completions', streamed, 'stall-after:2:5000'),
  openai('/chat/completions', streamed, 'split:3'),
  openai('/chat/completions', streamed, 'usage-twice'),
  openai('/chat/completions', chat, 'dns'),
  openai('/responses', { model: 'gpt-5.5', input: words }),
  openai('/responses', { model: 'gpt-5.5', input: words, stream: true }),
  ...['png', 'jpeg', 'webp'].map((format) => openai('/images/generations', { ...picture, output_format: format })),
  ...['mp3', 'wav', 'flac', 'opus', 'aac', 'pcm'].map((format) =>
    openai('/audio/speech', { model: 'gpt-4o-mini-tts', input: 'the lamp', voice: 'alloy', response_format: format }),
  ),
  openai('/embeddings', { model: 'text-embedding-3-small', input: words, dimensions: 64 }),
  openai('/moderations', { input: words }),
  ...[false, true].map((stream) => ({
    provider: 'anthropic',
    path: '/v1/messages',
    body: { model: 'claude-sonnet-5', max_tokens: 100, stream, messages },
    headers: { 'x-api-key': 'k', 'anthropic-version': '2023-06-01' },
  })),
  gemini('gemini-3.8-flash', 'generateContent'),
  gemini('gemini-3.8-flash', 'streamGenerateContent?alt=sse'),
  gemini('gemini-3.1-flash-image', 'generateContent', { responseModalities: ['IMAGE'] }),
  gemini('gemini-3.8-flash-tts', 'generateContent', {
    responseModalities: ['AUDIO'],
    speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: 'Kore' } } },
  }),
  {
    provider: 'replicate',
    path: '/v1/models/black-forest-labs/flux-schnell/predictions',
    body: { input: { prompt: words, output_format: 'png' } },
    headers: { ...bearer, prefer: 'wait' },
  },
  {
    provider: 'elevenlabs',
    path: '/v1/text-to-speech/JBFqnCBsd6RMkjVDRZzb/stream/with-timestamps',
    body: { text: words, model_id: 'eleven_multilingual_v2' },
    headers: { 'xi-api-key': 'k' },
  },
  {
    provider: 'elevenlabs',
    path: '/v1/music',
    body: { prompt: words, music_length_ms: 10_000 },
    headers: { 'xi-api-key': 'k' },
  },
  {
    provider: 'fal',
    path: '/fal-ai/flux/dev',
    body: { prompt: words, image_size: { width: 128, height: 128 } },
    headers: { authorization: 'Key k' },
  },
  {
    provider: 'runway',
    path: '/v1/text_to_video',
    body: { model: 'gen4.5', promptText: words, ratio: '1280:720', duration: 2 },
    headers: { ...bearer, 'x-runway-version': '2024-11-06' },
  },
  {
    provider: 'luma',
    path: '/dream-machine/v1/generations/image',
    body: { model: 'photon-flash-1', prompt: words, aspect_ratio: '1:1', sync: true },
    headers: bearer,
  },
  ...compatible.flatMap((provider) =>
    [false, true].map((stream) => ({
      provider,
      path: '/v1/chat/completions',
      body: { model: 'a-model', stream, messages },
      headers: bearer,
    })),
  ),
  {
    provider: 'cohere',
    path: '/v2/chat',
    body: { model: 'command-a-03-2025', stream: true, messages },
    headers: bearer,
  },
];

/** Runs the steps through fresh simulators under a clock of their own; the journal as text. Files that answers point at are fetched too. */
export async function runScript(): Promise<string> {
  const config = await loadShipped(shipped);
  const journal = new Journal({ answerBytes: 64 * 1024 });
  const clock = new VirtualClock({ auto: true });
  const simulators = createSimulators(config.providers, { prices: config.prices, journal, clock, paceMs: 5 });
  for (const { provider, path, body, headers, fault } of steps) {
    const simulator = simulators.get(provider);
    if (!simulator) throw new Error(`There is no simulator called ${provider}.`);
    if (fault) simulator.fail(fault);
    const origin = provider === 'fal' ? 'https://fal.run' : `https://${provider}.example`;
    try {
      const answer = await simulator.fetch(`${origin}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-client-request-id': 'one', ...headers },
        body: JSON.stringify(body),
      });
      const text = new TextDecoder('latin1').decode(await answer.arrayBuffer());
      for (const [file] of text.matchAll(/https:\/\/[a-z]+\.simulator\.invalid[^"\\\s]*/g)) {
        await (await simulator.fetch(file)).arrayBuffer();
      }
    } catch {
      // The journal tells.
    }
  }
  const bills = [...simulators.values()]
    .map((simulator) => simulator.bill.statement())
    .filter((one) => one.calls.length > 0);
  return journal.text() + JSON.stringify(bills);
}

/** How many requests are sent at least. */
export const stepCount = steps.length;
