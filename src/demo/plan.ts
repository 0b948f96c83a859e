import type { JsonObject, Modality } from '../contract/index.ts';

/** One generation of the demo. `name` is also the stem of its files. */
export type Job = {
  name: string;
  modality: Modality;
  model: string;
  body: JsonObject;
  stream?: boolean;
  /** Transcriptions only: the speech job whose sound is heard, and how the sound travels. */
  hears?: { job: string; by: 'upload' | 'link' };
};

/** What both voices say and every transcription should return. */
export const spoken = 'The keeper lights the lamp at dusk and counts the waves before the storm.';

const question = 'In one sentence: what does a lighthouse keeper do at dusk?';
const scene = 'A white lighthouse on a rocky shore at dusk, its lamp just lit, watercolour';
const film = 'A lighthouse at dusk, waves breaking below it, its beam beginning to turn';
const noise = 'Waves against rocks, a foghorn far away';
const figure = 'A small white lighthouse on a rock, low polygons';
const tune = 'A slow harbour waltz for accordion and double bass';

function job(modality: Modality, model: string, body: JsonObject, rest: Partial<Job> = {}): Job {
  const kind = rest.stream ? `${modality}-streamed` : modality;
  return { name: `${kind}-${stem(model)}`, modality, model, body, ...rest };
}

/** "replicate/black-forest-labs/flux-schnell" → "replicate-flux-schnell" */
function stem(model: string): string {
  const parts = model.split('/');
  return [parts[0], parts.at(-1)].join('-').replace(/[^A-Za-z0-9.-]+/g, '-');
}

/** Everything the demo makes, in the order it is shown. A model that the gateway does not list is skipped. */
export const plan: readonly Job[] = [
  job('text', 'openai/gpt-5.5', { input: question }),
  job('text', 'anthropic/claude-sonnet-5', { input: question }),
  job('text', 'google/gemini-3.8-flash', { input: question }),
  job('text', 'deepseek/deepseek-flash', { input: question }),
  job('text', 'mistral/mistral-large-2512', { input: question }),
  job('text', 'groq/llama-3.3-70b-versatile', { input: question }),
  job('text', 'xai/grok-4.6', { input: question }),
  job('text', 'qwen/qwen3.7-max', { input: question }),
  job('text', 'cohere/command-a-03-2025', { input: question }),
  job('text', 'anthropic/claude-sonnet-5', { input: question }, { stream: true }),
  job('image', 'openai/gpt-image-2', { input: scene, size: '1536x1024', quality: 'low' }),
  job('image', 'google/gemini-3.1-flash-image', { input: scene, ratio: '16:9' }),
  job('image', 'replicate/black-forest-labs/flux-schnell', { input: scene, ratio: '3:2', format: 'png' }),
  job('image', 'replicate/stability-ai/stable-diffusion-3.5-large', { input: scene, ratio: '1:1', format: 'png' }),
  job('speech', 'openai/gpt-4o-mini-tts', { input: spoken, voice: 'coral', format: 'mp3' }),
  job('speech', 'google/gemini-3.8-flash-tts', { input: spoken, format: 'wav' }),
  job(
    'transcription',
    'openai/gpt-4o-transcribe',
    {},
    { hears: { job: 'speech-openai-gpt-4o-mini-tts', by: 'upload' } },
  ),
  job('transcription', 'openai/whisper-1', {}, { hears: { job: 'speech-google-gemini-3.8-flash-tts', by: 'upload' } }),
  job(
    'transcription',
    'google/gemini-3.5-transcribe',
    {},
    { hears: { job: 'speech-google-gemini-3.8-flash-tts', by: 'link' } },
  ),
  job('music', 'google/lyria-3.5', { input: tune, seconds: 12 }),
  job('music', 'replicate/meta/musicgen', { input: tune, seconds: 8, format: 'wav' }),
  job('sound_effect', 'elevenlabs/eleven_text_to_sound_v2', { input: noise, seconds: 4 }),
  job('sound_effect', 'fal/fal-ai/stable-audio-3/small/sfx/text-to-audio', { input: noise, seconds: 3 }),
  job('video', 'google/gemini-omni-1.2-flash', { input: film, seconds: 4, resolution: '360p', ratio: '16:9' }),
  job('video', 'runway/gen4.5', { input: film, seconds: 2, ratio: '9:16' }),
  job('model3d', 'fal/fal-ai/hunyuan3d-v3/text-to-3d', { input: figure }),
  job('model3d', 'tripo/v3.1-20260211', { input: figure }),
  job('embedding', 'openai/text-embedding-3-small', { input: [question, scene, tune] }),
  job('embedding', 'google/gemini-embedding-2', { input: [question, scene, tune], dimensions: 768 }),
];

/** The jobs of the wanted modalities, and the speech that a wanted transcription hears. */
export function choose(only: readonly string[] | undefined): Job[] {
  if (!only) return [...plan];
  const wanted = plan.filter((one) => only.includes(one.modality));
  const needed = new Set(wanted.map((one) => one.hears?.job));
  return plan.filter((one) => wanted.includes(one) || needed.has(one.name));
}

/** The demo's forecast: the month in the book, and a machine that makes the pictures of an open model itself. Its figures are assumptions. */
export const forecastAsked: JsonObject = {
  from_ledger: { simulated: 'include' },
  multiples: [1, 3, 10, 30, 100],
  self_hosted: {
    models: ['replicate/black-forest-labs/flux-schnell'],
    // An L40S: from what clouds ask for one to what it costs at https://replicate.com/pricing, by the second.
    gpu_hour_usd: ['1.20', '3.51'],
    seconds_per_output: ['2', '4'],
    utilisation: ['0.3', '0.6'],
  },
};
