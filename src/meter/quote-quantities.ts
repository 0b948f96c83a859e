import { at, isObject, type Meter, type Model, numberAt, stringAt } from '../contract/index.ts';
import type { Asked, Bounded } from './quote.ts';
import { imageTokens } from './quote-images.ts';
import { sidesOf, wordOf } from './quote-words.ts';

type Sold = ReadonlySet<Meter>;
type Quantities = { bounded: Bounded[]; assumptions: string[] };

/** Output tokens of an answer that nobody limits or says anything of, where one figure is wanted. */
export const usualAnswer = 512;
/** Tokens of a picture that goes in: least, usual, most over the vendors that count them. */
const pictureTokens = { min: 65, expected: 800, max: 7000 };
/** Megapixels of a picture that goes in and whose size is not known. */
const pictureMegapixels = { min: 1, expected: 1, max: 20 };
/** Tokens of words and thoughts beside a picture or film, where one figure is wanted. */
const usualWords = 64;
/** Characters a second that voices speak: fastest, usual, slowest. */
const speech = { fast: 25, usual: 15, slow: 8 };

/** The quantities that a request will be billed for, each between its bounds; which meters, the model's prices tell. */
export function quantitiesOf(model: Model, asked: Asked, sold: Sold): Quantities {
  const found: Quantities = { bounded: [], assumptions: [] };
  const by: Record<Model['modality'], () => void> = {
    text: () => addText(found, model, asked),
    embedding: () => addTokens(found, asked),
    image: () => addImages(found, model, asked, sold),
    speech: () => addSpeech(found, model, asked, sold),
    transcription: () => addTranscription(found, model, asked, sold),
    music: () => addSound(found, model, asked, sold),
    sound_effect: () => addSound(found, model, asked, sold),
    video: () => addVideo(found, model, asked, sold),
    model3d: () => addModels(found, asked, sold),
  };
  by[model.modality]();
  const metric = stringAt(model.options, 'billing', 'metric');
  const byTime = metric === undefined && !found.bounded.some((one) => sold.has(one.meter));
  if (sold.has('gpu_seconds') && (metric === 'gpu_seconds' || byTime)) {
    found.bounded = [];
    addComputing(found, model, asked);
  }
  openWhereDearer(found, model, asked);
  return found;
}

/** Parameters that a vendor bills on top at a rate of which no price is known (the row's `options.dearer`): then nothing is the most. */
function openWhereDearer(found: Quantities, model: Model, asked: Asked): void {
  const dearer = at(model.options, 'dearer');
  const names = (asked.params ?? []).filter((name) => Array.isArray(dearer) && dearer.includes(name));
  if (names.length === 0) return;
  for (const one of found.bounded) delete one.max;
  found.assumptions.push(`${names.join(', ')} is billed on top, at no price that is known`);
}

function exactly(meter: Meter, quantity: number, dims?: Bounded['dims']): Bounded {
  return { meter, min: quantity, expected: quantity, max: quantity, ...(dims ? { dims } : {}) };
}

/** Tokens of the text: between eight characters and one byte each. */
function addTokens({ bounded, assumptions }: Quantities, asked: Asked): void {
  if (asked.characters === 0 && asked.images === 0) return;
  const expected = Math.ceil(asked.characters / 4) + asked.images * pictureTokens.expected;
  const most = asked.bytes + asked.images * pictureTokens.max;
  bounded.push({
    meter: 'input_text_tokens',
    min: Math.max(1, Math.floor(asked.characters / 8)) + asked.images * pictureTokens.min,
    expected,
    ...(asked.unbounded ? {} : { max: Math.max(most, expected) }),
  });
  assumptions.push('four characters a token; at least eight, at most a byte');
  if (asked.images > 0) assumptions.push(`${pictureTokens.min} to ${pictureTokens.max} tokens a picture`);
  if (asked.unbounded) assumptions.push('an input whose tokens cannot be bounded');
}

function addText(found: Quantities, model: Model, asked: Asked): void {
  addTokens(found, asked);
  // Every message and tool is framed by some tokens of its own.
  for (const one of found.bounded) if (one.max !== undefined) one.max += 64 + Math.ceil(asked.bytes / 8);
  const limit = asked.maxOutputTokens ?? model.maxOutputTokens;
  const n = asked.n ?? 1;
  found.bounded.push({
    meter: 'output_text_tokens',
    min: n,
    expected: Math.min(limit ?? usualAnswer, usualAnswer) * n,
    ...(limit === undefined ? {} : { max: Math.max(1, limit) * n }),
  });
  if ((limit ?? usualAnswer + 1) > usualAnswer) found.assumptions.push(`${usualAnswer} tokens an answer`);
  if (limit === undefined) found.assumptions.push('no limit of output tokens is known');
}

function addImages(found: Quantities, model: Model, asked: Asked, sold: Sold): void {
  const n = asked.n ?? 1;
  if (sold.has('output_image_tokens')) {
    const each = imageTokens(model, asked);
    if (!each) {
      found.assumptions.push('the tokens of one image are not known');
      return;
    }
    addPrompt(found, asked, sold);
    found.bounded.push({
      meter: 'output_image_tokens',
      min: each.min * n,
      expected: each.expected * n,
      max: each.max * n,
    });
    found.assumptions.push(...each.assumptions);
    addWords(found, model, sold);
    return;
  }
  const resolution = asked.resolution ?? linesOf(asked.size);
  const dims = wordsOf({ size: asked.size, quality: asked.quality, resolution });
  if (sold.has('images')) {
    found.bounded.push(exactly('images', n, dims));
    if (sold.has('megapixels')) addFurtherMegapixels(found, asked, n);
  } else if (sold.has('megapixels')) found.bounded.push(exactly('megapixels', n * megapixelsOf(asked.size), dims));
}

/** The words and pictures that pictures and films are made from. */
function addPrompt(found: Quantities, asked: Asked, sold: Sold): void {
  addTokens(found, { ...asked, images: 0 });
  if (asked.images > 0) {
    const { min, expected, max } = pictureTokens;
    const meter = sold.has('input_image_tokens') ? 'input_image_tokens' : 'input_text_tokens';
    found.bounded.push({ meter, min: min * asked.images, expected: expected * asked.images, max: max * asked.images });
  }
}

/** The words and thoughts that come with what is made. */
function addWords(found: Quantities, model: Model, sold: Sold): void {
  const most = numberAt(model.capabilities, 'max_text_tokens');
  if (most === undefined || !sold.has('output_text_tokens')) return;
  found.bounded.push({ meter: 'output_text_tokens', min: 0, expected: Math.min(usualWords, most), max: most });
  found.assumptions.push(`at most ${most} tokens of words and thoughts beside it`);
}

/** Where the first megapixel of a picture is in its price: every further one that comes out, and every one that goes in. */
function addFurtherMegapixels(found: Quantities, asked: Asked, n: number): void {
  const known = asked.pixels ?? [];
  const given = known.reduce((sum, pixels) => sum + Math.ceil(pixels / megapixel), 0);
  const unknown = Math.max(0, asked.images - known.length);
  const out = megapixelsOf(asked.size) - 1;
  const all = (each: number) => n * (out + given + unknown * each);
  const { min, expected, max } = pictureMegapixels;
  if (all(max) === 0) return;
  found.bounded.push({ meter: 'megapixels', min: all(min), expected: all(expected), max: all(max) });
  if (unknown > 0) found.assumptions.push(`${min} to ${max} megapixels a picture whose size is not known`);
}

/** Pixels that vendors count as one megapixel. */
const megapixel = 1_048_576;

/** "1920x1080" is 1080p, however it is turned. */
function linesOf(size: string | undefined): string | undefined {
  const sides = sidesOf(size);
  if (!sides) return undefined;
  const lines = Math.min(...sides);
  return lines === 2160 ? '4k' : `${lines}p`;
}

function megapixelsOf(size: string | undefined): number {
  const [width, height] = sidesOf(size) ?? [1, 1];
  return Math.max(1, Math.ceil((width * height) / megapixel));
}

/** Those that ask for something. */
function wordsOf(words: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(words).flatMap(([name, word]) => {
      const asked = wordOf(word);
      return asked === undefined ? [] : [[name, asked]];
    }),
  );
}

function addSpeech(found: Quantities, model: Model, asked: Asked, sold: Sold): void {
  if (sold.has('input_characters')) {
    found.bounded.push(exactly('input_characters', asked.characters));
    return;
  }
  const speed = asked.speed ?? 1;
  const seconds = (rate: number) => asked.characters / rate / speed;
  const [min, expected, max] = [seconds(speech.fast), seconds(speech.usual), seconds(speech.slow)];
  if (sold.has('output_audio_tokens')) {
    addTokens(found, asked);
    const rate = tokensPerSecond(model, found, 25);
    const count = (length: number) => Math.max(1, Math.ceil(length * rate));
    found.bounded.push({ meter: 'output_audio_tokens', min: count(min), expected: count(expected), max: count(max) });
  } else if (sold.has('output_audio_seconds')) {
    const [low, usual, high] = [min, expected, max].map((length) => Math.max(1, Math.ceil(length))) as [
      number,
      number,
      number,
    ];
    found.bounded.push({ meter: 'output_audio_seconds', min: low, expected: usual, max: high });
  } else if (sold.has('provider_credits')) {
    found.bounded.push({
      meter: 'provider_credits',
      min: asked.characters / 2,
      expected: asked.characters,
      max: asked.characters,
    });
    found.assumptions.push('one credit a character, half of it with fast models');
    return;
  } else return;
  found.assumptions.push(`${speech.usual} characters a second are spoken, ${speech.slow} to ${speech.fast}`);
}

function tokensPerSecond(model: Model, found: Quantities, otherwise: number): number {
  const own = numberAt(model.capabilities, 'tokens_per_second');
  if (own === undefined) found.assumptions.push(`${otherwise} tokens a second`);
  return own ?? otherwise;
}

function addTranscription(found: Quantities, model: Model, asked: Asked, sold: Sold): void {
  const seconds = asked.audioSeconds;
  if (seconds === undefined) {
    found.assumptions.push('the length of the audio is not known');
    return;
  }
  if (sold.has('input_audio_seconds')) {
    const [min, max] = [Math.floor(seconds), Math.ceil(seconds)];
    found.bounded.push({ meter: 'input_audio_seconds', min, expected: seconds, max });
    if (min !== max) found.assumptions.push('a length may be rounded to a whole second');
    return;
  }
  if (!sold.has('input_audio_tokens')) return;
  const heard = Math.max(1, Math.ceil(seconds * tokensPerSecond(model, found, 32)));
  found.bounded.push(exactly('input_audio_tokens', heard));
  if (asked.characters > 0) addTokens(found, asked);
  if (sold.has('output_text_tokens')) {
    const words = (rate: number) => Math.max(1, Math.ceil(seconds * rate));
    found.bounded.push({ meter: 'output_text_tokens', min: 1, expected: words(3.5), max: words(8) });
    found.assumptions.push('3.5 tokens of text a second, 8 at most');
  }
}

/** Seconds asked for, else those that the model can make. */
function secondsOf(found: Quantities, model: Model, asked: Asked): Omit<Bounded, 'meter'> | undefined {
  if (asked.seconds !== undefined) return { min: asked.seconds, expected: asked.seconds, max: asked.seconds };
  const range = at(model.capabilities, 'seconds');
  const [min, max] = [numberAt(range, 'min'), numberAt(range, 'max')];
  if (!isObject(range) || min === undefined) {
    found.assumptions.push('the length is not known: seconds were not asked for');
    return undefined;
  }
  found.assumptions.push('the length that the model makes unasked');
  return { min, expected: max === undefined ? min : (min + max) / 2, ...(max === undefined ? {} : { max }) };
}

function addSound(found: Quantities, model: Model, asked: Asked, sold: Sold): void {
  if (sold.has('songs')) {
    found.bounded.push(exactly('songs', asked.n ?? 1));
    return;
  }
  if (!sold.has('output_audio_seconds')) return;
  const length = secondsOf(found, model, asked);
  if (length) found.bounded.push({ meter: 'output_audio_seconds', ...length });
}

function addVideo(found: Quantities, model: Model, asked: Asked, sold: Sold): void {
  if (!sold.has('output_video_seconds')) return;
  const length = secondsOf(found, model, asked);
  if (!length) return;
  const n = asked.n ?? 1;
  const dims = {
    resolution: (asked.resolution ?? linesOf(asked.size) ?? usualResolution(model)).toLowerCase(),
    audio: String(asked.audio ?? true),
    ...wordsOf({ size: asked.size, mode: asked.mode }),
  };
  found.bounded.push({
    meter: 'output_video_seconds',
    min: length.min * n,
    expected: length.expected * n,
    ...(length.max === undefined ? {} : { max: length.max * n }),
    dims,
  });
  if (sold.has('input_text_tokens')) addPrompt(found, asked, sold);
  addWords(found, model, sold);
}

/** 720p where the model makes it, else the first that it does. */
function usualResolution(model: Model): string {
  const made = at(model.capabilities, 'resolutions');
  const words = Array.isArray(made) ? made.map(String) : [];
  return words.length === 0 || words.includes('720p') ? '720p' : words[0]!;
}

function addModels(found: Quantities, asked: Asked, sold: Sold): void {
  if (!sold.has('models_3d')) return;
  found.bounded.push(exactly('models_3d', asked.n ?? 1, wordsOf({ mode: asked.mode, quality: asked.quality })));
}

/** Seconds of computing: nobody knows them beforehand, earlier runs are all there is to go by. */
function addComputing(found: Quantities, model: Model, asked: Asked): void {
  const runs = [...(asked.computed ?? [])].sort((one, other) => one - other);
  const [least, middle] = [runs[0], runs[Math.floor((runs.length - 1) / 2)]];
  if (least === undefined || middle === undefined) {
    found.assumptions.push('it is billed by computing time, and no earlier run tells how long it takes');
    return;
  }
  const hardware = stringAt(model.options, 'billing', 'hardware');
  found.bounded.push({
    meter: 'gpu_seconds',
    min: least,
    expected: middle,
    ...(hardware ? { dims: { hardware } } : {}),
  });
  found.assumptions.push(`computing time of ${runs.length} earlier run(s): the median`);
}
