import type { Asset, Call, ImageRequest, JsonObject } from '../../src/contract/index.ts';
import { encodeBase64 } from '../../src/contract/index.ts';
import { bytesOf } from '../shared/bytes.ts';
import { unsaid } from '../shared/field-map.ts';
import { callerParams, dropped, present } from '../shared/params.ts';
import { pixelsOfRatio, readSize } from '../shared/pixels.ts';

/**
 * What the inputs of a family of models are called. `images` are the fields for pictures, in order; `pixels` says that it takes width and
 * height (multiples of `step`, none above `longest`), else it takes an aspect ratio.
 */
type Family = {
  images: readonly string[];
  mask?: boolean;
  pixels?: { step: number; longest?: number };
  ratio?: boolean;
};

const inputs = (count: number) =>
  Array.from({ length: count }, (_, index) => `input_image${index ? `_${index + 1}` : ''}`);

/** https://docs.bfl.ai/api-reference */
function familyOf(model: string): Family {
  if (/-(fill|expand)/.test(model)) return { images: ['image'], mask: model.includes('-fill') };
  if (model.startsWith('flux-kontext')) return { images: inputs(4), ratio: true };
  if (model.includes('-ultra')) return { images: ['image_prompt'], ratio: true };
  if (/^flux-(pro|dev)/.test(model)) return { images: ['image_prompt'], pixels: { step: 32, longest: 1440 } };
  return { images: inputs(model.includes('klein') ? 4 : 8), pixels: { step: 16 } };
}

/** The fields of an image request that this model has a place for. */
export function honoured({ model }: Pick<Call, 'model'>): (keyof ImageRequest & string)[] {
  const { mask, pixels, ratio } = familyOf(model);
  return [
    ...(['prompt', 'seed', 'format', 'images'] as const),
    ...(mask ? (['mask'] as const) : []),
    ...(pixels ? (['size', 'ratio'] as const) : []),
    ...(ratio ? (['ratio'] as const) : []),
  ];
}

/** Fields that the neutral request and the gateway own: limits and budgets are held against them. */
const owned = ['prompt', 'width', 'height', 'webhook_url', 'webhook_secret', ...inputs(8)];

/**
 * With a webhook BFL names no polling address, and the global host finds only tasks of its own region without one: there the webhook is
 * not asked for. https://docs.bfl.ai/api_integration/integration_guidelines
 */
function webhookOf({ baseUrl, webhookUrl }: Call): string | undefined {
  return /^api\.bfl\.(ai|ml)$/.test(new URL(baseUrl).hostname) ? undefined : webhookUrl;
}

/** The model's input and one warning for each thing asked that it cannot be told. Pictures go as base64, or as the link they are. */
export async function writeInput(
  request: ImageRequest,
  call: Call,
): Promise<{ input: JsonObject; warnings: string[] }> {
  const family = familyOf(call.model);
  const { n, size, ratio, images = [] } = request;
  const { quality, background, negativePrompt, inputFidelity, moderation, compression, partialImages } = request;
  const lost = { quality, background, negativePrompt, inputFidelity, moderation, compression, partialImages };
  const warnings = dropped('this model', { ...lost, ...(family.mask ? {} : { mask: request.mask }) });
  if (n !== undefined && n > 1) warnings.push(`This model makes one picture a call: n ${n} was sent as 1.`);

  const pictures: JsonObject = {};
  for (const [index, field] of family.images.entries()) {
    const image = images[index];
    if (image) pictures[field] = await base64Of(image, 'images');
  }
  if (images.length > family.images.length) {
    warnings.push(`This model takes ${family.images.length} of "images"; the others were not sent.`);
  }
  const mask = family.mask && request.mask ? { mask: await base64Of(request.mask, 'mask') } : {};
  const input = present({
    prompt: request.prompt,
    ...pictures,
    ...mask,
    ...shapeOf(family, size, ratio, warnings),
    seed: request.seed,
    output_format: request.format === 'jpg' ? 'jpeg' : request.format,
    webhook_url: webhookOf(call),
  }) as JsonObject;
  return { input: { ...input, ...callerParams(request.params, owned) }, warnings };
}

async function base64Of(image: Asset, param: string): Promise<string> {
  if ('url' in image && !image.url.startsWith('data:')) return image.url;
  return encodeBase64(await bytesOf(image, param));
}

/** Width and height, or an aspect ratio, as the family takes it. */
function shapeOf(family: Family, size: string | undefined, ratio: string | undefined, warnings: string[]): JsonObject {
  const asked = readSize(size);
  const left = (name: string, value: string | undefined) => {
    if (value !== undefined && value !== 'auto') warnings.push(unsaid(name, value));
  };
  if (family.pixels) {
    if (!asked) left('size', size);
    const pixels = asked ?? (ratio ? pixelsOfRatio(ratio, family.pixels.step, family.pixels.longest) : undefined);
    if (!pixels) left('ratio', ratio);
    return pixels ? { width: pixels[0], height: pixels[1] } : {};
  }
  if (!family.ratio) {
    left('size', size);
    left('ratio', ratio);
    return {};
  }
  if (ratio !== undefined && ratio !== 'auto') {
    left('size', size);
    return { aspect_ratio: ratio };
  }
  if (!asked) {
    left('size', size);
    return {};
  }
  const divisor = common(asked[0], asked[1]);
  const nearest = `${asked[0] / divisor}:${asked[1] / divisor}`;
  warnings.push(`This model chooses its own pixel size: size ${size} was sent as ratio ${nearest}.`);
  return { aspect_ratio: nearest };
}

function common(one: number, other: number): number {
  return other === 0 ? one : common(other, one % other);
}
