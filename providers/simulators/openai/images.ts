import type { JsonObject } from '../../../src/contract/index.ts';
import { isObject, stringAt } from '../../../src/contract/index.ts';
import { toBase64 } from '../base64.ts';
import type { BilledCall, Charge } from '../bill.ts';
import { jpeg, png, webp } from '../media/index.ts';
import { countTokens } from '../text.ts';
import { check, checkWord, missing, type Rule } from './check.ts';
import { requireKind } from './models.ts';
import { clientOf, type Desk, echoes, type Frame, readJson, secondsOf, stream, WireError } from './wire.ts';

type Format = 'png' | 'jpeg' | 'webp';
type Asked = {
  model: string;
  prompt: string;
  n: number;
  width: number;
  height: number;
  quality: string;
  format: Format;
  background: 'transparent' | 'opaque';
  compression?: number;
  stream: boolean;
  partials: number;
  /** Input image tokens of an edit. */
  imageTokens: number;
};

const rules: Record<string, Rule> = {
  model: { type: 'string' },
  prompt: { type: 'string', max: 32_000, required: true },
  n: { type: 'integer', min: 1, max: 10 },
  size: { type: 'string' },
  quality: { type: 'string' },
  background: { type: 'string', oneOf: ['transparent', 'opaque', 'auto'] },
  output_format: { type: 'string', oneOf: ['png', 'jpeg', 'webp'] },
  output_compression: { type: 'integer', min: 0, max: 100 },
  moderation: { type: 'string', oneOf: ['low', 'auto'] },
  stream: { type: 'boolean' },
  partial_images: { type: 'integer', min: 0, max: 3 },
  user: { type: 'string' },
};
const editRules: Record<string, Rule> = {
  ...rules,
  images: { type: 'array', min: 1, max: 16, required: true },
  mask: { type: 'object' },
  input_fidelity: { type: 'string', oneOf: ['low', 'high'] },
};

/** Output tokens of the three classic sizes, as published: https://platform.openai.com/docs/guides/image-generation */
const published: Record<string, Record<string, number>> = {
  low: { '1024x1024': 272, '1024x1536': 408, '1536x1024': 400 },
  medium: { '1024x1024': 1056, '1024x1536': 1584, '1536x1024': 1568 },
  high: { '1024x1024': 4160, '1024x1536': 6240, '1536x1024': 6208 },
};
/** The simulator's own rule for qualities without a published table, as a multiple of `high`. */
const beyond: Record<string, number> = { xhigh: 1.5, max: 2 };
const partialTokens = 100;

/** Output tokens of one image; sizes without a published figure are scaled by area. */
export function imageTokens(quality: string, width: number, height: number): number {
  const table = published[quality] ?? published.high!;
  const exact = table[`${width}x${height}`] ?? ((table['1024x1024'] ?? 0) * width * height) / (1024 * 1024);
  return Math.round(exact * (beyond[quality] ?? 1));
}

/** POST /images/generations */
export async function generateImages(desk: Desk, request: Request): Promise<Response> {
  const { text, body } = await readJson(request);
  check(body, rules);
  return draw(desk, request, body, readImage(body, 0), 'image_generation', text);
}

/** POST /images/edits, as JSON with image references or as a multipart form. */
export async function editImages(desk: Desk, request: Request): Promise<Response> {
  const multipart = (request.headers.get('content-type') ?? '').startsWith('multipart/');
  const { text, body } = multipart ? await readForm(request) : await readJson(request);
  check(body, editRules);
  const images = body.images as unknown[];
  images.forEach((image, index) => {
    if (!isObject(image)) throw missing(`images[${index}].image_url`);
    if (!stringAt(image, 'image_url') && !stringAt(image, 'file_id')) throw missing(`images[${index}].image_url`);
  });
  const each = 65 + 129 + (body.input_fidelity === 'high' ? 4160 : 0);
  return draw(desk, request, body, readImage(body, images.length * each), 'image_edit', text);
}

/** The form as the JSON body says it: files become image references with their length, so that ids depend on them. */
async function readForm(request: Request): Promise<{ text: string; body: JsonObject }> {
  const form = await request.formData().catch(() => {
    throw new WireError(400, 'Could not parse multipart form.');
  });
  const body: JsonObject = {};
  const images: JsonObject[] = [];
  for (const [field, value] of form.entries()) {
    const name = field.replace(/\[\d*\]$/, '');
    if (typeof value === 'string') {
      const number = ['n', 'output_compression', 'partial_images'].includes(name);
      if (name === 'stream') body.stream = value === 'true';
      else body[name] = number ? Number(value) : value;
      continue;
    }
    const bytes = new Uint8Array(await value.arrayBuffer());
    if (!isPicture(bytes)) {
      const message = `Invalid file '${name}': unsupported mimetype ('${value.type}'). Supported file formats are 'image/jpeg', 'image/png', and 'image/webp'.`;
      throw new WireError(400, message, { param: name, code: 'unsupported_file_mimetype' });
    }
    const reference = { image_url: `file:${bytes.length}:${bytes.reduce((sum, byte) => (sum * 31 + byte) >>> 0, 7)}` };
    if (name === 'image') images.push(reference);
    else body[name] = reference;
  }
  if (images.length === 0) throw missing('image');
  body.images = images;
  return { text: JSON.stringify(body), body };
}

function isPicture(bytes: Uint8Array): boolean {
  const head = String.fromCharCode(...bytes.subarray(0, 12));
  return (
    head.startsWith('\x89PNG') || head.startsWith('\xff\xd8\xff') || (head.startsWith('RIFF') && head.endsWith('WEBP'))
  );
}

function readImage(body: JsonObject, inputTokens: number): Asked {
  const model = typeof body.model === 'string' ? body.model : 'gpt-image-1.5';
  requireKind(model, 'image', '/images');
  if (body.prompt === '') throw missing('prompt');
  const [width, height] = readSize(model, typeof body.size === 'string' ? body.size : 'auto');
  const format = (body.output_format ?? 'png') as Format;
  const qualities = [
    'low',
    'medium',
    'high',
    ...(/^gpt-image-2\.[5-9]/.test(model) ? Object.keys(beyond) : []),
    'auto',
  ];
  const quality = typeof body.quality === 'string' ? body.quality : 'auto';
  checkWord('quality', quality, qualities);
  if (body.background === 'transparent' && format === 'jpeg') {
    throw new WireError(400, "Transparent background is not supported for output format 'jpeg'.", {
      param: 'background',
      code: 'invalid_value',
    });
  }
  if (typeof body.output_compression === 'number' && body.output_compression < 100 && format === 'png') {
    throw new WireError(400, 'Compression less than 100 is not supported for PNG output format', {
      param: 'output_compression',
      code: 'invalid_png_output_compression',
    });
  }
  const n = typeof body.n === 'number' ? body.n : 1;
  if (body.stream === true && n > 1) {
    throw new WireError(400, "Streaming is only supported with 'n' = 1.", { param: 'n', code: 'invalid_value' });
  }
  return {
    model,
    prompt: String(body.prompt),
    n,
    width,
    height,
    quality: quality === 'auto' ? 'medium' : quality,
    format,
    background: body.background === 'transparent' ? 'transparent' : 'opaque',
    compression: typeof body.output_compression === 'number' ? body.output_compression : undefined,
    stream: body.stream === true,
    partials: typeof body.partial_images === 'number' ? body.partial_images : 0,
    imageTokens: inputTokens,
  };
}

/** The first generation draws three sizes; from gpt-image-2 on any multiple of 16 up to 3840x2160 in area. */
function readSize(model: string, size: string): [number, number] {
  if (size === 'auto') return [1024, 1024];
  if (/^gpt-image-1(\.|-|$)/.test(model)) checkWord('size', size, ['1024x1024', '1024x1536', '1536x1024', 'auto']);
  const [, wide, high] = /^(\d{2,4})x(\d{2,4})$/.exec(size) ?? [];
  const width = Number(wide ?? 0);
  const height = Number(high ?? 0);
  const fits = Math.max(width, height) <= 3840 && width * height <= 3840 * 2160;
  if (width >= 16 && height >= 16 && width % 16 === 0 && height % 16 === 0 && fits) return [width, height];
  const message = `Invalid size '${size}'. Width and height must be multiples of 16, at most 3840 long and 3840x2160 in area.`;
  throw new WireError(400, message, { param: 'size', code: 'invalid_value' });
}

function paint(asked: Asked, seed: string): string {
  const { width, height, compression } = asked;
  const transparent = asked.background === 'transparent';
  if (asked.format === 'jpeg') return toBase64(jpeg({ width, height, seed, quality: compression }));
  if (asked.format === 'webp') return toBase64(webp({ width, height, seed, transparent }));
  return toBase64(png({ width, height, seed, transparent }));
}

function draw(
  desk: Desk,
  request: Request,
  body: JsonObject,
  asked: Asked,
  event: 'image_generation' | 'image_edit',
  text: string,
): Response {
  const textTokens = countTokens(asked.prompt);
  const input = textTokens + asked.imageTokens;
  const each = imageTokens(asked.quality, asked.width, asked.height);
  const output = each * asked.n + (asked.stream ? asked.partials * partialTokens : 0);
  const usage = {
    total_tokens: input + output,
    input_tokens: input,
    output_tokens: output,
    input_tokens_details: { text_tokens: textTokens, image_tokens: asked.imageTokens },
  };
  const settings = {
    background: asked.background,
    output_format: asked.format,
    quality: asked.quality,
    size: `${asked.width}x${asked.height}`,
  };
  const id = desk.idFor('img_', event, text);
  const seed = (name: string) => `${desk.seed}|${asked.model}|${asked.prompt}|${name}`;
  const call: BilledCall = { client: clientOf(request), id, model: asked.model, at: desk.now(), charges: [] };
  desk.bill.add(call);
  const bill = (tokens: number) => {
    const meters: Charge[] = [
      { meter: 'input_text_tokens', quantity: textTokens },
      { meter: 'input_image_tokens', quantity: asked.imageTokens },
      { meter: 'output_image_tokens', quantity: tokens },
    ];
    call.charges.push(...meters.filter((charge) => charge.quantity > 0));
  };
  if (!asked.stream) {
    const data = Array.from({ length: asked.n }, (_, index) => ({ b64_json: paint(asked, seed(`image ${index}`)) }));
    bill(output);
    const details = { ...usage, output_tokens_details: { image_tokens: output, text_tokens: 0 } };
    return Response.json({ created: secondsOf(desk), ...settings, data, usage: details, ...echoes(body) });
  }
  function* frames(): Generator<Frame> {
    const base = { created_at: secondsOf(desk), ...settings };
    const share = Math.floor(each / (asked.partials + 1));
    for (let index = 0; index < asked.partials; index++) {
      const type = `${event}.partial_image`;
      const b64_json = paint(asked, seed(`partial ${index}`));
      yield {
        event: type,
        data: { type, ...base, b64_json, partial_image_index: index },
        tokens: partialTokens + share,
      };
    }
    const type = `${event}.completed`;
    yield { event: type, data: { type, ...base, b64_json: paint(asked, seed('image 0')), usage, ...echoes(body) } };
  }
  return stream(desk, request, frames(), (tokens, complete) => bill(complete ? output : tokens));
}
