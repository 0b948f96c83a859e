import type { Call } from '../../src/contract/index.ts';

/** The endpoints that make something, by the last part of their path. */
export type Endpoint =
  | 'text_to_video'
  | 'image_to_video'
  | 'video_to_video'
  | 'text_to_image'
  | 'text_to_speech'
  | 'sound_effect';

/** Optional body fields that a neutral word exists for. */
export type Word = 'seed' | 'audio' | 'negativePrompt' | 'quality' | 'background' | 'format' | 'speed' | 'language';

/** What one model takes at one endpoint. An absent key: it has no such field. */
export type Shape = {
  /** Values of `ratio`: pixels "1280:720", or shapes "16:9". */
  ratios?: readonly string[];
  /** The name of that field where it is another. */
  ratioField?: string;
  /** Values of `resolution`. */
  resolutions?: readonly string[];
  /** Whole seconds from–to, or the only ones there are. */
  seconds?: { min: number; max: number; only?: readonly number[] };
  /** Sent where nobody asked: the vendor has no default of its own. */
  defaultSeconds?: number;
  words?: readonly Word[];
  /** The most input pictures. */
  images?: number;
  /** Cannot work without one. */
  needsImages?: boolean;
  /** A second picture is the last frame. */
  lastFrame?: boolean;
  /** The field of the video that goes in. */
  video?: 'promptVideo' | 'videoUri';
  /** The most outputs that one call may ask for, where it may ask for several. */
  count?: number;
};

const wide = ['1280:720', '720:1280'];
const full = [...wide, '1920:1080', '1080:1920'];
const frames = [...wide, '1104:832', '960:960', '832:1104', '1584:672'];
const shapes = ['16:9', '9:16', '1:1', '4:3', '3:4', '21:9'];
const small = ['992:432', '864:496', '752:560', '640:640', '560:752', '496:864'];
const medium = ['1280:720', '720:1280', '1470:630', '1112:834', '960:960', '834:1112'];
const large = ['2206:946', '1920:1080', '1664:1248', '1440:1440', '1248:1664', '1080:1920'];
const huge = ['3840:1646', '3840:2160', '3840:2880', '3840:3840', '2880:3840', '2160:3840'];
const stills = [
  ...['1024:1024', '1080:1080', '1168:880', '1360:768', '1440:1080', '1080:1440', '1808:768', '1920:1080'],
  ...['1080:1920', '2112:912', '1280:720', '720:1280', '720:720', '960:720', '720:960', '1680:720'],
];
const flash = [
  ...['1344:768', '768:1344', '1024:1024', '1184:864', '864:1184', '1536:672', '832:1248', '1248:832'],
  ...['896:1152', '1152:896'],
];

const painted = [
  ...['2048:880', '1920:1088', '1920:1280', '1920:1440', '1920:1536', '1920:1920', '1536:1920', '1440:1920'],
  ...['1280:1920', '1088:1920', '2912:1248', '2560:1440', '2560:1712', '2560:1920', '2560:2048', '2560:2560'],
  ...['2048:2560', '1920:2560', '1712:2560', '1440:2560', '3840:1648', '3840:2160', '3504:2336', '3264:2448'],
  ...['3200:2560', '2880:2880', '2560:3200', '2448:3264', '2336:3504', '2160:3840'],
];

const gen: Shape = { ratios: wide, seconds: { min: 2, max: 10 }, words: ['seed'] };
const veo: Shape = { ratios: full, seconds: { min: 4, max: 8, only: [4, 6, 8] }, words: ['audio', 'negativePrompt'] };
const omni: Shape = { ratios: wide, seconds: { min: 3, max: 10 } };
const hailuo: Shape = { ratios: shapes, resolutions: ['768P', '2K'], seconds: { min: 5, max: 15 } };
const seedance: Shape = {
  ratios: [...medium, ...small, ...large, ...huge],
  seconds: { min: 4, max: 15 },
  words: ['audio'],
};
const seedanceFast: Shape = { ...seedance, ratios: [...medium, ...small] };
const seedanceLong: Shape = {
  ...seedance,
  ratios: [...medium, ...small.map((ratio) => ({ '864:496': '854:480', '496:864': '480:854' })[ratio] ?? ratio)],
  seconds: { min: 4, max: 30 },
};
const horse: Shape = {
  ratios: [
    ...['1280:720', '720:1280', '960:960', '1108:832', '832:1108'],
    ...['1920:1080', '1080:1920', '1440:1440', '1662:1248', '1248:1662'],
  ],
  seconds: { min: 3, max: 15 },
};
const framed = (shape: Shape): Shape => ({ ...shape, images: 2, lastFrame: true });
const redone = (shape: Shape, images: number): Shape => ({ ...shape, images, video: 'promptVideo' });

/** What is known of each model. Others are sent as asked, and the vendor judges. https://docs.dev.runwayml.com/api/ */
const known: Record<Endpoint, Record<string, Shape>> = {
  text_to_video: {
    'gen4.5': { ...gen, defaultSeconds: 5 },
    'veo3.1': veo,
    'veo3.1_fast': veo,
    hailuo3: hailuo,
    happyhorse_1_0: horse,
    seedance2: seedance,
    seedance2_fast: seedanceFast,
    seedance2_mini: seedanceFast,
    seedance2_5: seedanceLong,
    gemini_omni_flash: omni,
  },
  image_to_video: {
    'gen4.5': { ...gen, ratios: frames, images: 1, defaultSeconds: 5 },
    gen4_turbo: { ...gen, ratios: frames, images: 1 },
    'veo3.1': framed(veo),
    'veo3.1_fast': framed(veo),
    hailuo3: framed(hailuo),
    happyhorse_1_0: { seconds: { min: 3, max: 15 }, resolutions: ['720P', '1080P'], images: 1 },
    seedance2: framed(seedance),
    seedance2_fast: framed(seedanceFast),
    seedance2_mini: framed(seedanceFast),
    seedance2_5: framed(seedanceLong),
    gemini_omni_flash: { ...omni, images: 1 },
  },
  video_to_video: {
    aleph2: {
      video: 'videoUri',
      ratios: ['16:9', '4:3', '3:2', '1:1', '2:3', '3:4', '9:16', '21:9'],
      ratioField: 'targetAspectRatio',
      words: ['seed'],
    },
    hailuo3: redone(hailuo, 9),
    seedance2: redone(seedance, 9),
    seedance2_fast: redone(seedanceFast, 9),
    seedance2_mini: redone(seedanceFast, 9),
    seedance2_5: redone(seedanceLong, 30),
    gemini_omni_flash: { video: 'videoUri', images: 5 },
  },
  text_to_image: {
    gen4_image: { ratios: stills, words: ['seed'], images: 3 },
    gen4_image_turbo: { ratios: stills, words: ['seed'], images: 3, needsImages: true },
    'gemini_2.5_flash': { ratios: flash, images: 3 },
    gpt_image_2: { ratios: painted, words: ['quality', 'background'], images: 16, count: 10 },
  },
  text_to_speech: {
    eleven_multilingual_v2: {},
    eleven_v3: { words: ['seed', 'speed', 'language'] },
    seed_audio: { words: ['speed', 'format'] },
  },
  sound_effect: {
    eleven_text_to_sound_v2: { seconds: { min: 0.5, max: 30 } },
    seed_audio: { words: ['format'] },
  },
};

/** The shape of a model at an endpoint; undefined where nothing is known of the model at all. */
export function shapeOf(model: string, endpoint: Endpoint): Shape | undefined {
  return Object.hasOwn(known[endpoint], model) ? known[endpoint][model] : undefined;
}

/** The endpoints that a model is known at; none where nothing is known of it. */
export function endpointsOf(model: string): Endpoint[] {
  return (Object.keys(known) as Endpoint[]).filter((endpoint) => Object.hasOwn(known[endpoint], model));
}

/** What an unknown model is sent: everything that has a name at the vendor's. */
const unknown = {
  video: ['seconds', 'size', 'ratio', 'resolution', 'audio', 'negativePrompt', 'images', 'video', 'seed'],
  image: ['n', 'size', 'ratio', 'quality', 'format', 'background', 'images', 'seed'],
};

/** Neutral fields of a video or image request that reach the vendor for this model, at any endpoint of the modality. */
export function picturesHonours({ model }: Pick<Call, 'model'>, modality: 'video' | 'image'): string[] {
  const found = endpointsOf(model)
    .filter((endpoint) => endpoint.endsWith(`_${modality}`))
    .map((endpoint) => shapeOf(model, endpoint)!);
  if (found.length === 0) return ['prompt', ...unknown[modality]];
  const honoured = new Set<string>(['prompt']);
  for (const shape of found) {
    const pixels = shape.ratios?.some(isPixels) === true;
    if (shape.ratios) honoured.add('ratio');
    if (pixels) honoured.add('size');
    if (modality === 'video' && (shape.resolutions || pixels)) honoured.add('resolution');
    if (shape.seconds) honoured.add('seconds');
    if (shape.images) honoured.add('images');
    if (shape.video) honoured.add('video');
    if (shape.count) honoured.add('n');
    for (const word of shape.words ?? []) honoured.add(word);
  }
  return [...honoured];
}

/** True of "1280:720", false of "16:9". */
export function isPixels(ratio: string): boolean {
  return /^\d{3,}:\d{3,}$/.test(ratio);
}
