import type {
  Call,
  ImageRequest,
  Json,
  JsonObject,
  SoundEffectRequest,
  SpeechRequest,
  VideoRequest,
} from '../../src/contract/index.ts';
import { callerParams, dropped, present, refuse } from '../shared/params.ts';
import { pricedFigures } from '../shared/priced-names.ts';
import { refusePriced } from '../shared/priced-params.ts';
import { writeAsset } from './asset.ts';
import { type Endpoint, endpointsOf, type Shape, shapeOf, type Word } from './models.ts';
import { writeFrame } from './ratio.ts';

export type Written = { endpoint: Endpoint; body: JsonObject; warnings: string[] };

/** What the neutral request owns: set by name, it would escape quotes and budgets. */
const owned = ['model', 'duration', 'outputCount', 'ratio', 'resolution', 'audio', 'promptText'];
const defaultVoice = 'Maya';

/** Parameters of the vendor's own that leave the price as it is. */
function paramsOf(params: JsonObject | undefined): JsonObject {
  const own = callerParams(params, owned);
  refusePriced(own, { among: pricedFigures });
  return own;
}

/** The body for a video: the endpoint follows from what goes in (a video, pictures, or words alone). */
export async function writeVideo(request: VideoRequest, call: Call): Promise<Written> {
  const params = paramsOf(request.params);
  const images = request.images ?? [];
  const video = request.video !== undefined || 'videoUri' in params || 'promptVideo' in params;
  const pictures = images.length > 0 || 'promptImage' in params;
  const endpoint = video ? 'video_to_video' : pictures ? 'image_to_video' : 'text_to_video';
  const shape = shapeFor(call.model, endpoint, ['text_to_video', 'image_to_video', 'video_to_video']);
  if (shape && images.length > (shape.images ?? 0)) {
    throw refuse('images', `${call.model} takes ${shape.images ?? 0} picture(s) at ${endpoint}, not ${images.length}.`);
  }
  const urls: string[] = [];
  for (const [index, image] of images.entries()) urls.push(await writeAsset(image, `images[${index}]`, call));
  const { ratio, ...frame } = writeFrame(request, shape, 720, endpoint !== 'video_to_video');
  const { words, warnings } = writeWords(request, shape, ['seed', 'audio', 'negativePrompt']);
  const takesSeconds = !shape || shape.seconds !== undefined;
  if (!takesSeconds) warnings.push(...dropped(call.model, { seconds: request.seconds }));
  const body: Record<string, Json | undefined> = {
    model: call.model,
    ...(request.prompt ? { promptText: request.prompt } : {}),
    ...frame,
    ...(ratio ? { [shape?.ratioField ?? 'ratio']: ratio } : {}),
    ...(takesSeconds ? present({ duration: writeSeconds(request.seconds, shape) }) : {}),
    ...words,
  };
  if (request.video) {
    const field = shape?.video ?? (/^(gen\d|aleph|gemini_omni)/.test(call.model) ? 'videoUri' : 'promptVideo');
    body[field] = await writeAsset(request.video, 'video', call);
    if (urls.length > 0) body.references = urls.map((uri) => ({ uri }));
  } else if (urls.length > 0) body.promptImage = writeFrames(urls);
  return { endpoint, body: { ...body, ...params } as JsonObject, warnings };
}

/** One picture is the first frame, a second the last. */
function writeFrames(urls: readonly string[]): Json {
  if (urls.length === 1) return urls[0]!;
  if (urls.length > 2) return urls.map((uri) => ({ uri }));
  return urls.map((uri, index) => ({ uri, position: index === 0 ? 'first' : 'last' }));
}

/** The body for pictures. */
export async function writeImage(request: ImageRequest, call: Call): Promise<Written> {
  const params = paramsOf(request.params);
  const endpoint = 'text_to_image';
  const shape = shapeFor(call.model, endpoint, [endpoint]);
  const images = request.images ?? [];
  const given = images.length > 0 || 'referenceImages' in params;
  if (request.mask) throw refuse('mask', `${call.model} takes no mask.`);
  if (shape?.needsImages && !given) throw refuse('images', `${call.model} works from one to ${shape.images} pictures.`);
  if (shape && images.length > (shape.images ?? 0)) {
    throw refuse('images', `${call.model} takes ${shape.images ?? 0} picture(s), not ${images.length}.`);
  }
  const { words, warnings } = writeWords(request, shape, ['seed', 'quality', 'background', 'format']);
  const several = !shape || shape.count !== undefined;
  if (shape?.count && request.n && request.n > shape.count) {
    throw refuse('n', `${call.model} makes up to ${shape.count} pictures.`);
  }
  if (!several && (request.n ?? 1) > 1) warnings.push(...dropped(call.model, { n: request.n }));
  const references: JsonObject[] = [];
  for (const [index, image] of images.entries()) {
    references.push({ uri: await writeAsset(image, `images[${index}]`, call) });
  }
  const body: JsonObject = {
    model: call.model,
    promptText: request.prompt,
    ...writeFrame(request, shape, 768, true),
    ...(several ? present({ outputCount: request.n }) : {}),
    ...words,
    ...(references.length > 0 ? { referenceImages: references } : {}),
  };
  return { endpoint, body: { ...body, ...params } as JsonObject, warnings };
}

/** The body for speech; who asks for no voice gets the first of the vendor's list. */
export async function writeSpeech(request: SpeechRequest, call: Call): Promise<Written> {
  const params = paramsOf(request.params);
  const endpoint = 'text_to_speech';
  const shape = shapeFor(call.model, endpoint, [endpoint]);
  const { words, warnings } = writeWords(request, shape, ['seed', 'speed', 'language', 'format']);
  const cloned = call.model === 'seed_audio';
  if (cloned) warnings.push(...dropped(call.model, { voice: request.voice }));
  if (cloned && typeof words.speed === 'number') {
    words.speechRate = Math.round(Math.min(100, Math.max(-50, (words.speed - 1) * 100)));
    delete words.speed;
  }
  const voice = { type: 'runway-preset', presetId: request.voice ?? defaultVoice };
  const body = { model: call.model, promptText: request.text, ...(cloned ? {} : { voice }), ...words };
  return { endpoint, body: { ...body, ...params } as JsonObject, warnings };
}

/** The body for a sound. */
export async function writeSoundEffect(request: SoundEffectRequest, call: Call): Promise<Written> {
  const params = paramsOf(request.params);
  const endpoint = 'sound_effect';
  const shape = shapeFor(call.model, endpoint, [endpoint]);
  const { words, warnings } = writeWords(request, shape, ['format']);
  const takesSeconds = !shape || shape.seconds !== undefined;
  if (!takesSeconds) warnings.push(...dropped(call.model, { seconds: request.seconds }));
  const duration = takesSeconds ? writeSeconds(request.seconds, shape, 1000) : undefined;
  const body = { model: call.model, promptText: request.prompt, ...present({ duration }), ...words };
  return { endpoint, body: { ...body, ...params } as JsonObject, warnings };
}

/** A known model at an endpoint that it does not have is refused before anything is sent. */
function shapeFor(model: string, endpoint: Endpoint, family: readonly Endpoint[]): Shape | undefined {
  const shape = shapeOf(model, endpoint);
  const known = endpointsOf(model).filter((one) => family.includes(one));
  if (shape || known.length === 0) return shape;
  throw refuse('model', `${model} has no ${endpoint}.`, known);
}

const names: Record<Word, string> = {
  seed: 'seed',
  audio: 'audio',
  negativePrompt: 'negativePrompt',
  quality: 'quality',
  background: 'background',
  format: 'outputFormat',
  speed: 'speed',
  language: 'languageCode',
};

/** Optional fields with a name of their own; what the model has no field for becomes a warning. */
function writeWords(request: object, shape: Shape | undefined, wanted: readonly Word[]) {
  const words: JsonObject = {};
  const left: Record<string, unknown> = {};
  for (const word of wanted) {
    const value = (request as Record<string, Json | undefined>)[word];
    if (value === undefined) continue;
    if (!shape || shape.words?.includes(word)) words[names[word]] = value === 'opus' ? 'ogg_opus' : value;
    else left[word] = value;
  }
  return { words, warnings: dropped('this model', left) };
}

/** @param parts how fine a second may be divided: 1 = whole seconds. */
function writeSeconds(seconds: number | undefined, shape: Shape | undefined, parts = 1): number | undefined {
  const asked = seconds ?? shape?.defaultSeconds;
  const range = shape?.seconds;
  if (asked === undefined || !range) return asked;
  const whole = Math.round(asked * parts) === asked * parts;
  if (whole && asked >= range.min && asked <= range.max && (range.only?.includes(asked) ?? true)) return asked;
  const allowed = range.only?.map(String) ?? [`${range.min} to ${range.max}`];
  throw refuse('seconds', `${asked} seconds are not made.`, allowed);
}
