import type OpenAI from 'openai';
import {
  type AssetPart,
  type Call,
  GatewayError,
  type ImageRequest,
  type Json,
  type JsonObject,
  type MediaPort,
  type Operation,
} from '../../src/contract/index.ts';
import { decodeBase64, fileOf, mediaTypeOf } from './bytes.ts';
import { withOpenai } from './openai-client.ts';
import { callerParams, dropped, present, refuse } from './params.ts';
import { readOpenaiUsage } from './usage-openai.ts';

const owned = ['model', 'prompt', 'n', 'size', 'quality', 'output_format', 'background', 'image', 'mask', 'user'];
const reserved = [...owned, 'stream', 'partial_images', 'response_format'];
const formats = ['png', 'jpeg', 'webp', 'gif', 'svg'];

/** Images by OpenAI: `images.generate`, or `images.edit` (multipart) when images or a mask are given. */
export const openaiImage: MediaPort<'image'> = {
  submit: (request, call) =>
    withOpenai(call, 'openai', async (client, options) => {
      const body = bodyOf(request, call);
      const answer =
        request.images?.length || request.mask
          ? await edit(client, request, body, options)
          : await make(client, body, options);
      return readAnswer(request, call, answer, body);
    }),
};

function bodyOf(request: ImageRequest, call: Call): JsonObject {
  if (request.negativePrompt !== undefined)
    throw refuse('negative_prompt', 'OpenAI images take no negative prompt: say it in the prompt.');
  if (request.format !== undefined && !formats.includes(formatOf(request.format))) {
    throw refuse('format', `OpenAI images cannot be made as "${request.format}".`, formats);
  }
  const tokens = !call.model.startsWith('dall-e');
  if (!tokens && (request.format ?? 'png') !== 'png') throw refuse('format', `${call.model} makes PNG only.`, ['png']);
  const fields = {
    ...callerParams(request.params, reserved),
    model: call.model,
    prompt: request.prompt,
    n: request.n,
    size: request.size ?? (request.ratio === undefined ? undefined : sizeOf(request.ratio, call.model)),
    quality: request.quality,
    output_format: tokens && request.format !== undefined ? formatOf(request.format) : undefined,
    background: request.background,
    user: request.user,
    response_format: tokens ? undefined : 'b64_json',
  };
  return present(fields) as JsonObject;
}

function formatOf(format: string): string {
  return format === 'jpg' ? 'jpeg' : format;
}

/** Pixels of about one megapixel at a ratio. The first generation knows three sizes, later ones any multiple of 16 up to 3:1. */
function sizeOf(ratio: string, model: string): string {
  const fixed: Record<string, string> = { '1:1': '1024x1024', '3:2': '1536x1024', '2:3': '1024x1536' };
  const known = fixed[ratio];
  if (known) return known;
  const [wide = 0, high = 0] = ratio.split(':').map(Number);
  const free = !/^(gpt-image-1|chatgpt-image|dall-e)/.test(model);
  if (!free || !(wide > 0 && high > 0) || wide > 3 * high || high > 3 * wide) {
    throw refuse('ratio', `${model} cannot make images of ratio ${ratio}.`, free ? ['1:3 to 3:1'] : Object.keys(fixed));
  }
  const step = Math.max(1, Math.round(Math.sqrt((1024 * 1024) / (wide * high)) / 16));
  return `${Math.round(wide * step) * 16}x${Math.round(high * step) * 16}`;
}

type Options = { signal: AbortSignal };

async function make(client: OpenAI, body: JsonObject, options: Options): Promise<OpenAI.ImagesResponse> {
  return client.images.generate(body as unknown as OpenAI.ImageGenerateParamsNonStreaming, options);
}

async function edit(client: OpenAI, request: ImageRequest, body: JsonObject, options: Options) {
  if (!request.images?.length) throw refuse('mask', 'A mask needs an image to edit.');
  const image = await Promise.all(request.images.map((asset) => fileOf(asset, 'image')));
  const mask = request.mask && (await fileOf(request.mask, 'mask'));
  const upload = { ...body, image: image.length === 1 ? image[0] : image, ...(mask ? { mask } : {}) };
  return client.images.edit(upload as unknown as OpenAI.ImageEditParamsNonStreaming, options);
}

function readAnswer(request: ImageRequest, call: Call, answer: OpenAI.ImagesResponse, body: JsonObject): Operation {
  const data = Array.isArray(answer?.data) ? answer.data : [];
  const { data: _bytes, ...facts } = answer ?? {};
  const usage = readOpenaiUsage({
    model: call.model,
    endpoint: 'images',
    modality: 'image',
    usage: answer?.usage as Json | undefined,
    request: body,
    response: { ...(facts as unknown as JsonObject), images: data.length },
    options: call.options,
  });
  const [, width, height] = /^(\d+)x(\d+)$/.exec(answer?.size ?? String(body.size ?? '')) ?? [];
  const measured = width && height ? { width: Number(width), height: Number(height) } : {};
  const outputs = data.flatMap((image): AssetPart[] => {
    if (image.b64_json) {
      const bytes = decodeBase64(image.b64_json);
      const told =
        answer.output_format === 'svg'
          ? 'image/svg+xml'
          : `image/${answer.output_format ?? body.output_format ?? 'png'}`;
      return [{ type: 'asset', asset: { mediaType: mediaTypeOf(bytes) ?? told, bytes }, ...measured }];
    }
    return image.url ? [{ type: 'asset', asset: { mediaType: 'image/png', url: image.url }, ...measured }] : [];
  });
  if (outputs.length === 0) {
    const error = new GatewayError('provider_garbage', {
      message: 'openai answered without an image.',
      provider: 'openai',
      failure: 'C',
      billing: answer?.usage ? 'known' : 'unknown',
    });
    return { status: 'failed', error, ...(answer?.usage && usage ? { usage } : {}) };
  }
  const warnings = dropped('openai', {
    seed: request.seed,
    ratio: request.size === undefined ? undefined : request.ratio,
  });
  return {
    status: 'completed',
    outputs,
    usage: usage ?? { metered: [], source: 'body' },
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}
