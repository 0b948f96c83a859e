import type { AssetPart, ImageRequest, JsonObject, MediaPort, Part } from '../../src/contract/index.ts';
import { mediaTypeOf } from './bytes.ts';
import { answerParts, generate, nothingMade } from './google-client.ts';
import { completed, failed, inlinePart, mediaParts, runMedia, textOf, usageOf } from './google-media.ts';
import { dropped, present, refuse } from './params.ts';

const ratios = ['1:1', '1:4', '4:1', '1:8', '8:1', '2:3', '3:2', '3:4', '4:3', '4:5', '5:4', '9:16', '16:9', '21:9'];
const sizes = ['512', '1K', '2K', '4K'];
const qualities: Record<string, string> = {
  low: '512',
  standard: '1K',
  medium: '1K',
  high: '2K',
  hd: '2K',
  xhigh: '4K',
  max: '4K',
};

/** Images by Gemini: one a call, edits by inline images. @see https://ai.google.dev/gemini-api/docs/image-generation */
export const googleImage: Pick<MediaPort<'image'>, 'submit'> = {
  submit: (request, call) =>
    runMedia(call, 'image', async (client) => {
      refuseForeign(request);
      const { imageConfig, warnings } = readShape(request);
      const images = await Promise.all((request.images ?? []).map((asset) => inlinePart(asset, 'images')));
      const response = await generate(client, call, {
        contents: [{ role: 'user', parts: [...images, { text: request.prompt }] }],
        config: present({
          responseModalities: ['TEXT', 'IMAGE'],
          seed: request.seed,
          imageConfig: Object.keys(imageConfig).length > 0 ? imageConfig : undefined,
        }) as JsonObject,
        params: request.params,
      });
      const parts = answerParts(response);
      const made = mediaParts(parts, 'image');
      if (made.length === 0) return failed(call, 'image', nothingMade(response, 'image'), response.usageMetadata);
      const outputs: Part[] = made.map(({ mediaType, bytes }): AssetPart => {
        const asset = { mediaType: mediaTypeOf(bytes) ?? mediaType, bytes };
        if (request.format && asset.mediaType !== 'image/png')
          warnings.push(`google answered ${asset.mediaType}, not PNG.`);
        return { type: 'asset', asset };
      });
      const words = textOf(parts).trim();
      if (words) outputs.push({ type: 'text', text: words });
      const usage = usageOf(call, 'image', response.usageMetadata, {
        request: present({ resolution: imageConfig.imageSize }) as JsonObject,
        response: { images: made.length },
      });
      const { user, moderation, compression } = request;
      const left = { user, moderation, compression, input_fidelity: request.inputFidelity };
      return completed(outputs, usage, [...warnings, ...dropped('google', left)]);
    }),
};

/** What would change the picture or its price is refused, not dropped. */
function refuseForeign(request: ImageRequest): void {
  if ((request.n ?? 1) > 1) throw refuse('n', 'Gemini makes one image a call.', ['1']);
  if (request.mask) throw refuse('mask', 'Gemini edits without a mask: describe the place in the prompt.');
  if (request.negativePrompt !== undefined)
    throw refuse('negative_prompt', 'Gemini takes no negative prompt: say it in the prompt.');
  if (request.background === 'transparent')
    throw refuse('background', 'Gemini makes opaque images only.', ['opaque', 'auto']);
  if (request.format !== undefined && request.format !== 'png') {
    throw refuse('format', `Gemini cannot be asked for "${request.format}".`, ['png']);
  }
}

type Shape = { imageConfig: { aspectRatio?: string; imageSize?: string }; warnings: string[] };

/** Ratio and size class out of ratio, quality and pixels. Pixels are met by the nearest pair, with a warning where they are not exact. */
function readShape(request: ImageRequest): Shape {
  const warnings: string[] = [];
  const imageConfig: Shape['imageConfig'] = {};
  if (request.ratio !== undefined) {
    if (!ratios.includes(request.ratio)) throw refuse('ratio', `Gemini has no ratio ${request.ratio}.`, ratios);
    imageConfig.aspectRatio = request.ratio;
  }
  if (request.quality !== undefined && request.quality !== 'auto') {
    const named = sizes.find((size) => size === request.quality?.toUpperCase());
    const size = named ?? qualities[request.quality];
    if (!size)
      throw refuse('quality', `Gemini has no quality "${request.quality}".`, [...Object.keys(qualities), ...sizes]);
    imageConfig.imageSize = size;
  }
  if (request.size === undefined || request.size === 'auto') return { imageConfig, warnings };
  const named = sizes.find((size) => size === request.size?.toUpperCase());
  if (named) return { imageConfig: { ...imageConfig, imageSize: named }, warnings };
  const [, width, height] = /^(\d+)x(\d+)$/.exec(request.size) ?? [];
  if (!width || !height)
    throw refuse('size', `Gemini has no size "${request.size}".`, ['WIDTHxHEIGHT', 'auto', ...sizes]);
  const [wide, high] = [Number(width), Number(height)];
  const nearest = ratios.reduce((best, ratio) =>
    distance(ratio, wide / high) < distance(best, wide / high) ? ratio : best,
  );
  const side = Math.sqrt(wide * high);
  imageConfig.aspectRatio ??= nearest;
  imageConfig.imageSize = side <= 724 ? '512' : side <= 1448 ? '1K' : side <= 2896 ? '2K' : '4K';
  const exact = wide === high && [512, 1024, 2048, 4096].includes(wide) && imageConfig.aspectRatio === '1:1';
  if (!exact) {
    warnings.push(
      `size ${request.size} was asked of google as ratio ${imageConfig.aspectRatio} at ${imageConfig.imageSize}; pixels may differ.`,
    );
  }
  return { imageConfig, warnings };
}

function distance(ratio: string, wanted: number): number {
  const [wide = 1, high = 1] = ratio.split(':').map(Number);
  return Math.abs(Math.log(wide / high / wanted));
}
