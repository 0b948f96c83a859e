import { either, type Form, flag, list, media, number, object, type Rule, text, words } from './check.ts';

const seed = number(0, 4_294_967_295);
const uri = (kind: 'image' | 'video' | 'audio'): Rule => object({ 'uri*': media(kind) });
const reference = object({ 'uri*': media('image'), tag: text(3, 16) });
const moderation = object({ publicFigureThreshold: words('auto', 'low') });
const encoding = { outputFormat: words('mp4', 'prores', 'png_sequence'), proresProfile: text(1, 9) };

const wide = ['1280:720', '720:1280'];
const full = [...wide, '1080:1920', '1920:1080'];
const frames = [...wide, '1104:832', '960:960', '832:1104', '1584:672'];
const small = ['992:432', '864:496', '752:560', '640:640', '560:752', '496:864'];
const medium = ['1470:630', '1280:720', '1112:834', '960:960', '834:1112', '720:1280'];
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
  ...['3200:2560', '2880:2880', '2560:3200', '2448:3264', '2336:3504', '2160:3840', 'auto'],
];

const firstFrame = either(media('image'), list(1, 1, object({ 'uri*': media('image'), 'position*': words('first') })));
const bothFrames = either(
  media('image'),
  list(1, 2, object({ 'uri*': media('image'), 'position*': words('first', 'last') })),
);
const anyFrames = either(
  media('image'),
  list(1, 9, object({ 'uri*': media('image'), position: words('first', 'last') })),
);
const gen = { seed, contentModeration: moderation };
const veo = { 'ratio*': words(...full), audio: flag, negativePrompt: text(1, 1000), duration: words(4, 6, 8) };
const seedance = (ratios: string[]) => ({ audio: flag, duration: number(4, 15), ratio: words(...ratios) });
const sounds = { referenceAudio: list(0, 3, uri('audio')) };
const helpers = {
  ...sounds,
  references: list(0, 9, uri('image')),
  referenceVideos: list(0, 3, object({ 'type*': words('video'), 'uri*': media('video') })),
};
const dance = [...small, ...medium, ...large, ...huge];
const danceFast = [...small, ...medium];
const hailuo = {
  'promptText*': text(1, 6000),
  resolution: words('2K', '768P'),
  duration: number(5, 15),
  ratio: words('adaptive', '21:9', '16:9', '4:3', '1:1', '3:4', '9:16'),
};
const presets = [
  ...['Maya', 'Arjun', 'Serene', 'Bernard', 'Billy', 'Mark', 'Clint', 'Mabel', 'Chad', 'Leslie', 'Eleanor', 'Elias'],
  ...['Elliot', 'Grungle', 'Brodie', 'Sandra', 'Kirk', 'Kylie', 'Lara', 'Lisa', 'Malachi', 'Marlene', 'Martin'],
  ...['Miriam', 'Monster', 'Paula', 'Pip', 'Rusty', 'Ragnar', 'Xylar', 'Maggie', 'Jack', 'Katie', 'Noah', 'James'],
  ...['Rina', 'Ella', 'Mariah', 'Frank', 'Claudia', 'Niki', 'Vincent', 'Kendrick', 'Myrna', 'Tom', 'Wanda', 'Benjamin'],
  ...['Kiana', 'Rachel'],
];
const preset = object({ 'type*': words('runway-preset'), 'presetId*': words(...presets) });
const spoken = {
  speechRate: number(-50, 100),
  loudnessRate: number(-50, 100),
  pitchRate: number(-12, 12),
  sampleRate: words(8000, 16_000, 24_000, 32_000, 44_100, 48_000),
  outputFormat: words('wav', 'mp3', 'ogg_opus'),
};

/** The forms of the models simulated here, by endpoint. https://docs.dev.runwayml.com/api/ */
export const forms: Record<string, Record<string, Form>> = {
  text_to_video: {
    'gen4.5': {
      fields: {
        'promptText*': text(1, 1000),
        'ratio*': words(...wide),
        'duration*': number(2, 10),
        ...gen,
        ...encoding,
      },
      open: true,
    },
    'veo3.1': { fields: { 'promptText*': text(1, 1000), ...veo }, open: true },
    'veo3.1_fast': { fields: { 'promptText*': text(1, 1000), ...veo }, open: true },
    hailuo3: { fields: { ...hailuo, ...helpers } },
    seedance2: { fields: { 'promptText*': text(1, 3500), ...seedance(dance), ...helpers } },
    seedance2_fast: { fields: { 'promptText*': text(1, 3500), ...seedance(danceFast), ...helpers } },
    gemini_omni_flash: {
      fields: { 'promptText*': text(1, 4000), ratio: words(...wide), duration: number(3, 10) },
      open: true,
    },
  },
  image_to_video: {
    'gen4.5': {
      fields: {
        ...{ 'promptText*': text(1, 1000), 'promptImage*': firstFrame, 'ratio*': words(...frames) },
        ...{ 'duration*': number(2, 10), ...gen, ...encoding },
      },
      open: true,
    },
    gen4_turbo: {
      fields: {
        ...{ promptText: text(1, 1000), 'promptImage*': firstFrame, 'ratio*': words(...frames) },
        ...{ duration: number(2, 10), ...gen },
      },
      open: true,
    },
    'veo3.1': { fields: { promptText: text(1, 1000), 'promptImage*': bothFrames, ...veo }, open: true },
    'veo3.1_fast': { fields: { promptText: text(1, 1000), 'promptImage*': bothFrames, ...veo }, open: true },
    hailuo3: { fields: { ...hailuo, 'promptImage*': anyFrames, ...sounds } },
    seedance2: { fields: { promptText: text(1, 3500), 'promptImage*': anyFrames, ...seedance(dance), ...sounds } },
    seedance2_fast: {
      fields: { promptText: text(1, 3500), 'promptImage*': anyFrames, ...seedance(danceFast), ...sounds },
    },
    gemini_omni_flash: {
      fields: {
        ...{ promptText: text(1, 4000), 'promptImage*': firstFrame },
        ...{ ratio: words(...wide), duration: number(3, 10) },
      },
      open: true,
    },
  },
  video_to_video: {
    aleph2: {
      fields: {
        ...{ 'videoUri*': media('video'), promptText: text(1, 1000), seed, ratio: text(1, 20) },
        targetAspectRatio: words('16:9', '4:3', '3:2', '1:1', '2:3', '3:4', '9:16', '21:9'),
        ...encoding,
      },
    },
    hailuo3: { fields: { ...hailuo, 'promptVideo*': media('video'), ...helpers } },
    seedance2: {
      fields: { 'promptVideo*': media('video'), promptText: text(1, 3500), ...seedance(dance), ...helpers },
    },
    seedance2_fast: {
      fields: { 'promptVideo*': media('video'), promptText: text(1, 3500), ...seedance(danceFast), ...helpers },
    },
    gemini_omni_flash: {
      fields: { 'videoUri*': media('video'), 'promptText*': text(1, 4000), references: list(0, 5, uri('image')) },
    },
  },
  text_to_image: {
    gen4_image: {
      fields: {
        ...{ 'promptText*': text(1, 1000), 'ratio*': words(...stills) },
        ...{ referenceImages: list(0, 3, reference), ...gen },
      },
      open: true,
    },
    gen4_image_turbo: {
      fields: {
        ...{ 'promptText*': text(1, 1000), 'ratio*': words(...stills) },
        ...{ 'referenceImages*': list(1, 3, reference), ...gen },
      },
      open: true,
    },
    'gemini_2.5_flash': {
      fields: { 'promptText*': text(1, 5500), 'ratio*': words(...flash), referenceImages: list(0, 3, reference) },
      open: true,
    },
    gpt_image_2: {
      fields: {
        ...{ 'promptText*': text(1, 32_000), 'ratio*': words(...painted) },
        ...{ quality: words('low', 'medium', 'high', 'auto'), background: words('opaque', 'auto') },
        ...{ referenceImages: list(0, 16, reference), outputCount: number(1, 10) },
      },
    },
  },
  text_to_speech: {
    eleven_multilingual_v2: { fields: { 'promptText*': text(1, 1000), 'voice*': preset }, open: true },
    eleven_v3: {
      fields: {
        ...{ 'promptText*': text(1, 5000), 'voice*': preset, seed, useSpeakerBoost: flag, languageCode: text(2, 5) },
        ...{ stability: number(0, 1, false), similarityBoost: number(0, 1, false), style: number(0, 1, false) },
        ...{ speed: number(0.7, 1.2, false), applyTextNormalization: words('auto', 'on', 'off') },
      },
      open: true,
    },
    seed_audio: {
      fields: {
        'promptText*': text(1, 2048),
        voice: object({ 'type*': words('reference-audio'), 'audioUri*': media('audio') }),
        ...spoken,
      },
    },
  },
  sound_effect: {
    eleven_text_to_sound_v2: {
      fields: { 'promptText*': text(1, 3000), duration: number(0.5, 30, false), loop: flag },
      open: true,
    },
    seed_audio: { fields: { 'promptText*': text(1, 2048), referenceAudios: list(0, 3, media('audio')), ...spoken } },
  },
};
