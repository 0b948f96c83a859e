import type { Context } from 'hono';
import { type Asset, type ImageRequest, isObject, type Json, type JsonObject, stringAt } from '../contract/index.ts';
import { defined } from '../dialects/shared.ts';
import type { Caller, Gateway, Trace } from '../gateway/gateway.ts';
import { signerOf, tenantOfAsset } from '../gateway/sign.ts';
import { fitShape } from './image-fit.ts';
import { type Asked, readParams, readUser } from './media-door.ts';
import { type Form, type FormTypes, readForm } from './media-form.ts';
import { checkImage } from './media-input.ts';
import { type ReadRequest, readMediaRequest } from './media-request.ts';
import { refused } from './refuse.ts';

/** The two doors differ in whether there are pictures to begin with. */
export type ImageDoor = 'image_generation' | 'image_edit';

const types: FormTypes = {
  numbers: ['n', 'output_compression', 'partial_images', 'seed'],
  booleans: ['stream'],
  files: ['image', 'mask'],
};
/** Fields of a body that mean something to the house; `seed`, `ratio` and `negative_prompt` are words of our own. */
const known = [
  ...['model', 'prompt', 'n', 'size', 'quality', 'background', 'output_format', 'output_compression', 'moderation'],
  ...['input_fidelity', 'response_format', 'stream', 'partial_images', 'user'],
  ...['seed', 'ratio', 'aspect_ratio', 'negative_prompt'],
];
const pictures = ['image', 'images', 'mask'];
const mostImages = 16;
/** Milliseconds that the link to an own picture has to work. */
const linkLife = 60_000;

/** What our own words are called at these doors. */
export const imageNames: Readonly<Record<string, string>> = {
  input: 'prompt',
  format: 'output_format',
  compression: 'output_compression',
  images: 'image',
};

/** JSON, or a form with `image`, `image[]` and `mask`. */
export function readImageForm(c: Context): Promise<Form> {
  return readForm(c, types);
}

/** How the caller wants the pictures. */
export function wantedOf(body: JsonObject): 'url' | 'b64_json' {
  const format = body.response_format ?? 'b64_json';
  if (format === 'url' || format === 'b64_json') return format;
  throw refused('response_format', 'response_format is url or b64_json.');
}

/** An image request of either door in neutral words. */
export async function readImageRequest(
  gateway: Gateway,
  caller: Caller,
  trace: Trace,
  asked: Asked,
  door: ImageDoor,
  form: Form,
): Promise<ReadRequest> {
  const { body, files } = form;
  const edits = door === 'image_edit';
  if (edits && !takesImages(asked)) throw refused('model', `${asked.model.id} makes pictures from words alone.`);
  const stream = body.stream === true;
  if (stream && Number(body.n ?? 1) > 1) throw refused('n', 'A streamed request makes one picture: n is 1.');
  wantedOf(body);
  const images = edits ? await referencesOf(gateway, caller, body.images ?? body.image) : [];
  const uploads = files.get('image') ?? [];
  const [mask] = edits ? await referencesOf(gateway, caller, body.mask) : [];
  if (edits && images.length + uploads.length === 0) throw refused('image', 'image is required.');
  if (images.length + uploads.length > mostImages) {
    throw refused('image', `An edit takes at most ${mostImages} images.`);
  }
  const neutral = {
    prompt: body.prompt,
    n: body.n,
    size: body.size,
    quality: body.quality,
    background: body.background,
    format: body.output_format,
    compression: body.output_compression,
    moderation: body.moderation,
    input_fidelity: body.input_fidelity,
    partial_images: stream ? body.partial_images : undefined,
    seed: body.seed,
    ratio: body.ratio ?? body.aspect_ratio,
    negative_prompt: body.negative_prompt,
    ...(images.length > 0 ? { images } : {}),
    ...(mask === undefined ? {} : { mask }),
    ...readParams(asked, trace, body, edits ? [...known, ...pictures] : known),
    ...(await readUser(asked, caller, body)),
  };
  const wire = defined(neutral) as JsonObject;
  const fitted = asked.strict ? wire : fitShape(asked.model, wire);
  const { request, record } = await readMediaRequest(gateway, caller, 'image', fitted);
  for (const upload of uploads) checkImage(upload, 'image');
  for (const upload of files.get('mask') ?? []) checkImage(upload, 'mask');
  const image = withUploads(request as ImageRequest, uploads, files.get('mask')?.[0]);
  return {
    request: image,
    record: {
      ...record,
      size: stringAt(body, 'size') ?? null,
      ratio: neutral.ratio ?? null,
      ...(defined({ quality: body.quality, background: body.background }) as JsonObject),
    },
  };
}

/** By what its port has a place for, else by its row; a model that the house has no row of is believed. */
function takesImages({ model, honours }: Asked): boolean {
  if (honours) return honours.includes('images') && model.capabilities?.edits !== false;
  return model.capabilities === undefined || model.capabilities.edits === true;
}

/** Files of a form come first, as they were sent. */
function withUploads(request: ImageRequest, uploads: readonly Asset[], mask: Asset | undefined): ImageRequest {
  const images = [...uploads, ...(request.images ?? [])];
  return { ...request, ...(images.length > 0 ? { images } : {}), ...(mask ? { mask } : {}) };
}

/** Pictures of a JSON body as addresses: `{image_url}`, a bare address, or `{file_id}` of something that this house made. */
async function referencesOf(gateway: Gateway, caller: Caller, value: Json | undefined): Promise<string[]> {
  if (value === undefined) return [];
  const list = Array.isArray(value) ? value : [value];
  return Promise.all(
    list.map(async (one) => {
      const url = typeof one === 'string' ? one : (stringAt(one, 'image_url') ?? stringAt(one, 'image_url', 'url'));
      if (url) return url;
      const file = stringAt(one, 'file_id');
      if (file && isObject(one)) return ownLink(gateway, caller, file);
      throw refused('image', 'An image is {"image_url": …} or {"file_id": …}.');
    }),
  );
}

async function ownLink(gateway: Gateway, caller: Caller, id: string): Promise<string> {
  const row = tenantOfAsset(id) === caller.tenant ? await caller.book.asset(id) : undefined;
  const made = row && (await caller.book.generation(row.generationId, caller.keyId));
  if (made) return signerOf(caller.book).sign(id, gateway.clock.now() + linkLife);
  throw refused(
    'image',
    `No file is called "${id.slice(0, 80)}": name an output of this gateway, or send the picture.`,
  );
}
