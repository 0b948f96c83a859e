import { png, speechPcm, wav } from '../../providers/simulators/media/index.ts';
import { type Json, stringAt } from '../../src/contract/index.ts';
import { responsePointer } from '../support/spec.ts';

type Body = Record<string, unknown> & { files?: Record<string, File[]> };
/** What an answer is held against: a body, each event of a stream, or an error. */
type Answers = { body?: string; event?: (event: Json) => string; error?: boolean };
export type MediaExchange = { door: string; model: string; what: string; body: Body; answers: Answers };

const schema = (name: string) => `/components/schemas/${name}`;
const picture = (seed: string) =>
  new File([png({ width: 64, height: 64, seed }) as BlobPart], `${seed}.png`, { type: 'image/png' });
const words = 'The lamp is lit. The harbour sleeps.';
const pcm = speechPcm({ text: words, sampleRate: 24_000, seed: 'contract' });
const sound = new File([wav(pcm, { sampleRate: 24_000, channels: 1 }) as BlobPart], 'a.wav', { type: 'audio/wav' });

const painters: [model: string, size?: string][] = [
  ['openai/gpt-image-2', '512x512'],
  ['openai/gpt-image-1.5'],
  ['google/gemini-3.1-flash-image'],
  ['replicate/black-forest-labs/flux-schnell'],
  ['fal/fal-ai/flux/schnell', '512x512'],
  ['bfl/flux-2-pro', '512x512'],
  ['runway/gen4_image', '720x720'],
  ['luma/photon-1'],
];
const editors = ['openai/gpt-image-2', 'google/gemini-3.1-flash-image', 'bfl/flux-2-pro', 'runway/gen4_image'];
const speakers = ['openai/gpt-4o-mini-tts', 'elevenlabs/eleven_v3', 'google/gemini-3.8-flash-tts'];
const hearers: [model: string, formats: string[]][] = [
  ['openai/whisper-1', ['json', 'verbose_json']],
  ['openai/gpt-4o-transcribe', ['json']],
  ['openai/gpt-4o-transcribe-diarize', ['json', 'diarized_json']],
  ['elevenlabs/scribe_v2', ['json', 'verbose_json', 'diarized_json']],
  ['google/gemini-3.5-transcribe', ['json']],
  ['fal/fal-ai/elevenlabs/speech-to-text', ['json']],
];

const typed = (events: Record<string, string>) => (event: Json) =>
  schema(events[stringAt(event, 'type') ?? ''] ?? 'none');
const drawn = typed({
  'image_generation.partial_image': 'ImageGenPartialImageEvent',
  'image_generation.completed': 'ImageGenCompletedEvent',
});
const edited = typed({
  'image_edit.partial_image': 'ImageEditPartialImageEvent',
  'image_edit.completed': 'ImageEditCompletedEvent',
});
const voiced = typed({
  'speech.audio.delta': 'SpeechAudioDeltaEvent',
  'speech.audio.done': 'SpeechAudioDoneEvent',
});
const heard = typed({
  'transcript.text.delta': 'TranscriptTextDeltaEvent',
  'transcript.text.segment': 'TranscriptTextSegmentEvent',
  'transcript.text.done': 'TranscriptTextDoneEvent',
});
const shapes: Record<string, string> = {
  json: 'CreateTranscriptionResponseJson',
  verbose_json: 'CreateTranscriptionResponseVerboseJson',
  diarized_json: 'CreateTranscriptionResponseDiarizedJson',
};

const images = responsePointer('/images/generations', 'post', 200);
const edits = responsePointer('/images/edits', 'post', 200);

/** The doors of pictures and sound, each with several providers behind the same request. */
export const mediaExchanges: MediaExchange[] = [
  ...painters.flatMap(([model, size]): MediaExchange[] => {
    const door = '/images/generations';
    const body = { model, prompt: 'a lamp', ...(size ? { size } : {}) };
    const stream = { ...body, stream: true, partial_images: 2 };
    return [
      { door, model, what: 'pictures', body, answers: { body: images } },
      { door, model, what: 'links', body: { ...body, response_format: 'url' }, answers: { body: images } },
      { door, model, what: 'a stream', body: stream, answers: { event: drawn } },
      { door, model, what: 'no prompt', body: { model }, answers: { error: true } },
    ];
  }),
  ...editors.flatMap((model): MediaExchange[] => {
    const door = '/images/edits';
    const body = { model, prompt: 'a lamp', files: { 'image[]': [picture('one'), picture('two'), picture('three')] } };
    return [
      { door, model, what: 'three pictures', body, answers: { body: edits } },
      {
        door,
        model,
        what: 'a stream',
        body: { ...body, stream: 'true', partial_images: '1' },
        answers: { event: edited },
      },
    ];
  }),
  ...speakers.flatMap((model): MediaExchange[] => {
    const door = '/audio/speech';
    const body = { model, input: words, voice: 'alloy', stream_format: 'sse' };
    return [
      { door, model, what: 'events', body, answers: { event: voiced } },
      { door, model, what: 'no input', body: { model, voice: 'alloy' }, answers: { error: true } },
    ];
  }),
  ...hearers.flatMap(([model, formats]): MediaExchange[] => {
    const door = '/audio/transcriptions';
    const body = { model, files: { file: [sound] } };
    return [
      ...formats.map((format) => ({
        door,
        model,
        what: format,
        body: { ...body, response_format: format },
        answers: { body: schema(shapes[format]!) },
      })),
      { door, model, what: 'a stream', body: { ...body, stream: 'true' }, answers: { event: heard } },
      { door, model, what: 'no file', body: { model }, answers: { error: true } },
    ];
  }),
  ...['json', 'verbose_json'].map((format): MediaExchange => {
    const shape = format === 'json' ? 'CreateTranslationResponseJson' : 'CreateTranslationResponseVerboseJson';
    const body = { model: 'openai/whisper-1', response_format: format, files: { file: [sound] } };
    return {
      door: '/audio/translations',
      model: 'openai/whisper-1',
      what: format,
      body,
      answers: { body: schema(shape) },
    };
  }),
];

/** A form where there are files, else JSON. */
export async function packedBody({
  files,
  ...fields
}: Body): Promise<{ body: BodyInit; headers: Record<string, string> }> {
  if (!files) return { body: JSON.stringify(fields), headers: { 'content-type': 'application/json' } };
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, String(value));
  for (const [name, list] of Object.entries(files)) for (const file of list) form.append(name, file);
  return { body: form, headers: {} };
}
