import type OpenAI from 'openai';
import {
  type AssetPart,
  type Call,
  GatewayError,
  type ImageRequest,
  isObject,
  type Json,
  type JsonObject,
  type MediaPort,
  type Operation,
  stringAt,
} from '../../src/contract/index.ts';
import { fileOf } from './bytes.ts';
import { withOpenai } from './openai-client.ts';
import { imagePart, readImageEvents } from './openai-image-stream.ts';
import { callerParams, dropped, present, refuse } from './params.ts';
import { readOpenaiUsage } from './usage-openai.ts';

const owned = ['model', 'prompt', 'n', 'size', 'quality', 'output_format', 'background', 'image', 'mask', 'user'];
const reserved = [...owned, 'stream', 'partial_images', 'response_format'];
const drawn = ['prompt', 'n', 'size', 'ratio', 'quality', 'format', 'background', 'images', 'mask'] as const;
const formats = ['png', 'jpeg', 'webp', 'gif', 'svg'];

/**
 * Images by OpenAI: `images.generate`, or `images.edit` (multipart) when images or a mask are given. Streamed where previews are asked
 * for and somebody watches: each costs output tokens. @see https://developers.openai.com/api/docs/guides/image-generation
 */
export const openaiImage: MediaPort<'image'> = {
  honours: ({ model }) =>
    byTokens(model)
      ? [
          ...drawn,
          'partialImages',
          'moderation',
          'compression',
          ...(takesFidelity(model) ? ['inputFidelity' as const] : []),
        ]
      : drawn,
  submit: (request, call) =>
    withOpenai(call, 'openai', async (client, options) => {
      const body = bodyOf(request, call);
      const streams = watched(request, call, body);
      const whole = streams ? { ...body, stream: true, partial_images: request.partialImages ?? 0 } : body;
      const sent = isEdit(request) ? await upload(request, whole) : whole;
      const answer = await send(client, isEdit(request), sent, options);
      const plain = streams
        ? await readImageEvents(answer as AsyncIterable<never>, call)
        : (answer as OpenAI.ImagesResponse);
      return readAnswer(request, call, plain, body, streams);
    }),
};

function byTokens(model: string): boolean {
  return !model.startsWith('dall-e');
}

/** Later models always look closely at what they are given. */
function takesFidelity(model: string): boolean {
  return /^(gpt-image-1|chatgpt-image)/.test(model);
}

function isEdit(request: ImageRequest): boolean {
  return Boolean(request.images?.length || request.mask);
}

function watched(request: ImageRequest, call: Call, body: JsonObject): boolean {
  const plain = body.output_format === 'svg' || body.output_format === 'gif' || (request.n ?? 1) > 1;
  return call.progress !== undefined && (request.partialImages ?? 0) > 0 && byTokens(call.model) && !plain;
}

function bodyOf(request: ImageRequest, call: Call): JsonObject {
  if (request.negativePrompt !== undefined)
    throw refuse('negative_prompt', 'OpenAI images take no negative prompt: say it in the prompt.');
  if (request.format !== undefined && !formats.includes(formatOf(request.format))) {
    throw refuse('format', `OpenAI images cannot be made as "${request.format}".`, formats);
  }
  const tokens = byTokens(call.model);
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
  const more = {
    output_compression: tokens ? request.compression : undefined,
    moderation: tokens && !isEdit(request) ? request.moderation : undefined,
    input_fidelity: isEdit(request) && takesFidelity(call.model) ? request.inputFidelity : undefined,
  };
  return { ...present(fields), ...present(more) } as JsonObject;
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

function send(client: OpenAI, edits: boolean, body: object, options: Options): Promise<unknown> {
  return edits
    ? client.images.edit(body as OpenAI.ImageEditParams, options)
    : client.images.generate(body as OpenAI.ImageGenerateParams, options);
}

async function upload(request: ImageRequest, body: JsonObject): Promise<object> {
  if (!request.images?.length) throw refuse('mask', 'A mask needs an image to edit.');
  const image = await Promise.all(request.images.map((asset) => fileOf(asset, 'image')));
  const mask = request.mask && (await fileOf(request.mask, 'mask'));
  return { ...body, image: image.length === 1 ? image[0] : image, ...(mask ? { mask } : {}) };
}

function readAnswer(
  request: ImageRequest,
  call: Call,
  answer: OpenAI.ImagesResponse,
  body: JsonObject,
  streamed: boolean,
): Operation {
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
  const size = answer?.size ?? stringAt(body, 'size');
  const format = answer?.output_format ?? stringAt(body, 'output_format') ?? 'png';
  const told = format === 'svg' ? 'image/svg+xml' : `image/${format}`;
  const outputs = data.flatMap((image): AssetPart[] => {
    if (image.b64_json) return [imagePart(image.b64_json, told, size)];
    return image.url ? [{ type: 'asset', asset: { mediaType: 'image/png', url: image.url } }] : [];
  });
  if (outputs.length === 0) {
    const error = new GatewayError(isObject(answer) ? 'invalid_output' : 'provider_garbage', {
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
    moderation: body.moderation === undefined ? request.moderation : undefined,
    input_fidelity: body.input_fidelity === undefined ? request.inputFidelity : undefined,
    compression: body.output_compression === undefined ? request.compression : undefined,
    // Without anybody to see them, previews are not paid for.
    partial_images: streamed || call.progress === undefined ? undefined : request.partialImages || undefined,
  });
  return {
    status: 'completed',
    outputs,
    usage: usage ?? { metered: [], source: 'body' },
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}
