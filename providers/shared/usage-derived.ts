import { at, type Dims, type Json, type Meter, type Observed, stringAt, type Usage } from '../../src/contract/index.ts';
import { charactersOf, countAt, firstFigure, firstWord, headerFigure, tierOf } from './asked.ts';
import { Leaves, special } from './leaves.ts';

/**
 * Usage of an upstream without a reader of its own, from what its answers and requests say in the words that media vendors share:
 * seconds, characters, sizes, counts. What the model is sold by (`sold`) decides between images and megapixels, songs and seconds, and
 * alone allows to count one output where nothing was counted. Figures of the answer come before those of the request.
 * @returns undefined where nothing can be known.
 */
export function readDerivedUsage(observed: Observed): Usage | undefined {
  const quantity = byHeader(observed) ?? readers[observed.modality]?.(observed);
  if (quantity) return quantity;
  if (observed.endpoint.includes('ocr')) return readPages(observed);
  return readers[observed.modality] && sells(observed, 'requests')
    ? new Leaves().add('requests', 1).usage('derived')
    : undefined;
}

type Reader = (observed: Observed) => Usage | undefined;

const readers: { [M in Observed['modality']]?: Reader } = {
  image: readImages,
  speech: readSpeech,
  transcription: readTranscription,
  music: readMusic,
  sound_effect: readMusic,
  video: readVideo,
  model3d: readModels,
};

/** Billed quantities that some vendors put into headers. @see https://docs.fal.ai https://elevenlabs.io/docs/api-reference https://developers.deepgram.com/docs/text-to-speech */
function byHeader({ headers, response, sold, usage }: Observed): Usage | undefined {
  const units = headerFigure(headers, 'x-fal-billable-units');
  if (units !== undefined) return new Leaves().add('provider_units', units).usage('header', { raw: usage });
  const heard = headerFigure(headers, 'dg-char-count');
  if (heard !== undefined) return new Leaves().add('input_characters', heard).usage('header', { raw: usage });
  const characters = headerFigure(headers, 'character-cost');
  if (characters !== undefined) {
    if (sold?.includes('input_characters') && !sold.includes('provider_credits')) {
      return new Leaves().add('input_characters', characters).usage('header', { raw: usage });
    }
    return new Leaves()
      .add('provider_credits', characters, { dims: { unit: 'credit' } })
      .usage('header', { raw: usage });
  }
  const words = ['cost', 'credits_used', 'consumed_credits', 'credits_consumed', 'credits', 'usage.credits'];
  const credits = firstFigure(response, ...words) ?? firstFigure(usage, ...words);
  if (credits !== undefined && sold?.includes('provider_credits')) {
    return new Leaves().add('provider_credits', credits).usage('body', { raw: usage });
  }
  return undefined;
}

const lists = [
  'images',
  'generatedImages',
  'artifacts',
  'data',
  'output',
  'outputs',
  'result',
  'clips',
  'songs',
  'videos',
];
const wishes = [
  'n',
  'num_images',
  'num_outputs',
  'number_of_images',
  'numberOfImages',
  'samples',
  'sampleCount',
  'count',
];

/** How many things came out, else were asked for; one where the model is sold by them and nothing says otherwise. */
function countOf(observed: Observed, meter: Meter): { count?: number; told: boolean } {
  const made = countAt(observed.usage, meter, 'count') ?? countAt(observed.response, ...lists);
  if (made !== undefined) return { count: made, told: true };
  const wanted = firstFigure(observed.request, ...wishes);
  return { count: wanted ?? (sells(observed, meter) ? 1 : undefined), told: false };
}

function sells({ sold }: Observed, meter: Meter): boolean {
  return sold?.includes(meter) === true;
}

/** The words that choose among the prices of a medium. */
function wordsOf({ request, response }: Observed, names: Record<string, string[]>): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(names).map(([dim, words]) => [dim, firstWord(response, ...words) ?? firstWord(request, ...words)]),
  );
}

function readImages(observed: Observed): Usage | undefined {
  const { request, response } = observed;
  const width = firstFigure(response, 'width', 'images.0.width') ?? firstFigure(request, 'width', 'image_size.width');
  const height =
    firstFigure(response, 'height', 'images.0.height') ?? firstFigure(request, 'height', 'image_size.height');
  const named = wordsOf(observed, {
    size: ['size'],
    quality: ['quality', 'rendering_speed'],
    resolution: ['resolution'],
    style: ['style'],
  });
  named.size ??= width && height ? `${width}x${height}` : undefined;
  const dims = special({ ...named, service_tier: tierOf(observed) });
  const { count } = countOf(observed, sells(observed, 'megapixels') ? 'megapixels' : 'images');
  if (!sells(observed, 'megapixels')) return new Leaves().add('images', count, { dims }).usage('derived');
  const [wide, high] =
    /^(\d+)x(\d+)$/
      .exec(named.size ?? '')
      ?.slice(1)
      .map(Number) ?? [];
  // Vendors that sell megapixels round each image up; one megapixel is the default size.
  const each = wide && high ? Math.ceil((wide * high) / 1_048_576) : 1;
  return new Leaves().add('megapixels', count === undefined ? undefined : count * each, { dims }).usage('derived');
}

function readSpeech(observed: Observed): Usage | undefined {
  const { usage, request, response } = observed;
  const names = [
    'usage_characters',
    'extra_info.usage_characters',
    'characters',
    'character_count',
    'input_characters',
  ];
  const told = firstFigure(usage, ...names) ?? firstFigure(response, ...names);
  const text = ['text', 'input', 'prompt', 'transcript'].map((name) => stringAt(request, name)).find(Boolean);
  const asked = firstFigure(request, 'input_characters', 'text_characters', 'characters') ?? charactersOf(text);
  const spoken = firstFigure(response, 'duration', 'audio_duration', 'extra_info.audio_length_seconds');
  if (sells(observed, 'output_audio_seconds') && !sells(observed, 'input_characters')) {
    return new Leaves().add('output_audio_seconds', spoken ?? secondsOf(request)).usage('derived');
  }
  const source = told === undefined ? 'derived' : 'body';
  return new Leaves().add('input_characters', told ?? asked).usage(source, { raw: usage });
}

function readTranscription({ usage, request, response }: Observed): Usage | undefined {
  const told =
    firstFigure(usage, 'seconds', 'duration', 'audio_seconds', 'audio_duration', 'prompt_audio_seconds') ??
    firstFigure(response, 'metadata.duration', 'duration', 'audio_duration', 'audio_duration_secs', 'seconds');
  const channels =
    at(request, 'multichannel') === true
      ? (firstFigure(usage, 'channels') ?? firstFigure(response, 'metadata.channels'))
      : undefined;
  const asked = secondsOf(request);
  const seconds = told ?? asked;
  const dims = special({ mode: firstWord(request, 'mode'), service_tier: firstWord(request, 'service_tier') });
  const leaves = new Leaves().add(
    'input_audio_seconds',
    seconds === undefined ? undefined : seconds * (channels ?? 1),
    { dims },
  );
  return leaves.usage(told === undefined ? 'derived' : 'body', { raw: usage });
}

/** Length in seconds, whatever its unit. */
function secondsOf(value: Json | undefined): number | undefined {
  const seconds = firstFigure(
    value,
    'seconds',
    'duration',
    'durationSeconds',
    'duration_seconds',
    'audio_seconds',
    'audio_duration',
    'seconds_total',
    'length_seconds',
  );
  if (seconds !== undefined) return seconds;
  const milliseconds = firstFigure(
    value,
    'music_length_ms',
    'musicLengthMs',
    'duration_ms',
    'length_ms',
    'audio_length_ms',
    'audio_ms',
  );
  return milliseconds === undefined ? undefined : milliseconds / 1000;
}

function readMusic(observed: Observed): Usage | undefined {
  const { usage, request, response } = observed;
  const told = secondsOf(usage) ?? secondsOf(response);
  const seconds = told ?? secondsOf(request);
  if (sells(observed, 'output_audio_seconds') || (!sells(observed, 'songs') && seconds !== undefined)) {
    return new Leaves()
      .add('output_audio_seconds', seconds)
      .usage(told === undefined ? 'derived' : 'body', { raw: usage });
  }
  return new Leaves()
    .add('songs', sells(observed, 'songs') ? countOf(observed, 'songs').count : undefined)
    .usage('derived');
}

function readVideo(observed: Observed): Usage | undefined {
  const { usage, request, response } = observed;
  const billed = firstFigure(usage, 'video_output_duration_seconds', 'seconds', 'duration');
  const made = billed ?? firstFigure(response, 'seconds', 'duration', 'video.duration', 'output_duration');
  const count = firstFigure(request, ...wishes, 'numberOfVideos', 'num_videos') ?? 1;
  const asked = secondsOf(request);
  const seconds = made ?? (asked === undefined ? undefined : asked * count);
  const named = wordsOf(observed, {
    resolution: ['resolution', 'resolution_target'],
    size: ['size', 'ratio'],
    mode: ['mode', 'motion_mode'],
    audio: ['generateAudio', 'generate_audio', 'with_audio', 'enable_audio', 'audio', 'sound'],
  });
  const dims = special(named);
  return new Leaves()
    .add('output_video_seconds', seconds, { dims })
    .usage(made === undefined ? 'derived' : 'body', { raw: usage });
}

/** A 3D model is billed by the run in its mode, and each addition apart. */
function readModels(observed: Observed): Usage | undefined {
  const { request } = observed;
  const mode = firstWord(request, 'mode', 'quality', 'tier', 'model_version');
  const dims: Dims = mode === undefined ? {} : { mode: mode.toLowerCase() };
  const { count } = countOf(observed, 'models_3d');
  const leaves = new Leaves().add('models_3d', count, { dims });
  for (const addon of [at(request, 'addons')].flat()) {
    if (typeof addon === 'string') leaves.add('models_3d_addon', count, { dims: { addon } });
  }
  return leaves.usage('derived');
}

function readPages({ usage, request, response }: Observed): Usage | undefined {
  const told = countAt(usage, 'pages', 'pages_processed') ?? countAt(response, 'pages', 'usage_info.pages_processed');
  const pages = told ?? countAt(request, 'pages');
  return new Leaves().add('pages', pages).usage(told === undefined ? 'derived' : 'body', { raw: usage });
}
