import {
  type Asset,
  type Call,
  GatewayError,
  type ImageRequest,
  type JsonObject,
  type VideoRequest,
} from '../../src/contract/index.ts';
import { callerParams, present, refuse } from '../shared/params.ts';
import { aspect } from '../shared/pixels.ts';

/** What the neutral request and the gateway own. */
const owned = [
  ...['model', 'prompt', 'duration', 'resolution', 'aspect_ratio', 'format', 'callback_url', 'generation_type'],
  ...['sync', 'sync_timeout'],
];
const ratios = ['1:1', '16:9', '9:16', '4:3', '3:4', '21:9', '9:21'];
const resolutions = ['540p', '720p', '1080p', '4k'];
const lengths = [5, 9];
/** Sent where nobody asked, so that what it will cost is known. */
const usual = { seconds: 5, resolution: '720p', ratio: '16:9' };

/**
 * The body for a video. Luma has no defaults that we rely on: length, resolution and ratio are always said. `loop`, `concepts` and
 * `keyframes` (to extend a generation) may come as params. https://docs.lumalabs.ai/docs/video-generation
 */
export function writeVideo(request: VideoRequest, call: Call): JsonObject {
  const params = callerParams(request.params, owned);
  if (request.video) throw refuse('video', 'Luma is not given videos through Atelier.');
  const images = request.images ?? [];
  if (images.length > 2) throw refuse('images', 'Luma takes a first and a last frame, not more pictures.');
  const urls = images.map((image, index) => addressOf(image, `images[${index}]`));
  const frames = urls.map((url, index): [string, JsonObject] => [`frame${index}`, { type: 'image', url }]);
  const seconds = request.seconds ?? usual.seconds;
  if (isKnown(call.model) && !lengths.includes(seconds)) {
    throw refuse('seconds', `${seconds} seconds are not made.`, lengths.map(String));
  }
  const { ratio, resolution } = readFrame(request);
  return {
    generation_type: 'video',
    model: call.model,
    ...(request.prompt ? { prompt: request.prompt } : {}),
    aspect_ratio: ratio,
    resolution,
    duration: `${seconds}s`,
    ...(frames.length > 0 ? { keyframes: Object.fromEntries(frames) } : {}),
    ...(call.webhookUrl ? { callback_url: call.webhookUrl } : {}),
    ...params,
  };
}

/** The body for a picture: one input picture is changed, several are looked at. https://docs.lumalabs.ai/docs/image-generation */
export function writeImage(request: ImageRequest, call: Call): JsonObject {
  const params = callerParams(request.params, owned);
  if (request.mask) throw refuse('mask', 'Luma takes no mask.');
  const images = request.images ?? [];
  if (images.length > 4) throw refuse('images', 'Luma takes up to four pictures.');
  const urls = images.map((image, index) => addressOf(image, `images[${index}]`));
  const format = request.format === 'jpeg' ? 'jpg' : request.format;
  if (format !== undefined && format !== 'jpg' && format !== 'png') {
    throw refuse('format', `Format ${format} is not made.`, ['jpg', 'png']);
  }
  return {
    generation_type: 'image',
    model: call.model,
    prompt: request.prompt,
    aspect_ratio: readFrame(request).ratio,
    ...(present({ format }) as JsonObject),
    ...(urls.length === 1 ? { modify_image_ref: { url: urls[0]! } } : {}),
    ...(urls.length > 1 ? { image_ref: urls.map((url) => ({ url })) } : {}),
    ...(call.webhookUrl ? { callback_url: call.webhookUrl } : {}),
    ...params,
  };
}

function isKnown(model: string): boolean {
  return model === 'ray-2' || model === 'ray-flash-2';
}

/** Shape and resolution, from words or from a size of exactly these. */
function readFrame(request: { modality: string; size?: string; ratio?: string; resolution?: string }) {
  const said = (word: string | undefined) => (word === 'auto' ? undefined : word);
  const size = said(request.size);
  let ratio = said(request.ratio);
  let resolution = said(request.resolution)?.toLowerCase();
  if (size) {
    const [width, height] = /^(\d+)x(\d+)$/.exec(size)?.slice(1).map(Number) ?? [];
    const fitting = ratios.find((one) => width && height && Math.abs(aspect(one) / (width / height) - 1) <= 0.031);
    if (!fitting || !width || !height) throw refuse('size', `Size ${size} has none of Luma's shapes.`, ratios);
    ratio ??= fitting;
    const lines = Math.min(width, height);
    resolution ??= resolutions.find((one) => one === (lines === 2160 ? '4k' : `${lines}p`));
    if (!resolution && request.modality === 'video') throw refuse('size', `Size ${size} is not made.`, resolutions);
  }
  if (ratio && !ratios.includes(ratio)) throw refuse('ratio', `Ratio ${ratio} is not made.`, ratios);
  if (resolution && !resolutions.includes(resolution)) {
    throw refuse('resolution', `Resolution ${resolution} is not made.`, resolutions);
  }
  return { ratio: ratio ?? usual.ratio, resolution: resolution ?? usual.resolution };
}

/** Luma fetches pictures itself: it takes public addresses, never bytes. */
function addressOf(asset: Asset, param: string): string {
  if ('url' in asset && asset.url.startsWith('https://')) return asset.url;
  throw new GatewayError('invalid_request', {
    message: `Luma takes ${param} by its public https address only: name it in params (keyframes, image_ref, modify_image_ref).`,
    param,
    failure: 'A',
    billing: 'none',
  });
}
