import type { Context } from 'hono';
import { type Asset, GatewayError, isObject, type Json, type JsonObject } from '../contract/index.ts';
import { readBytes, readJson } from './body.ts';
import { named } from './media-input.ts';

/** The fields of a body, and the files that came with it, by the name of their field without brackets. */
export type Form = { body: JsonObject; files: Map<string, Asset[]> };

/** How the texts of a form are to be read: everything else stays a text. */
export type FormTypes = { numbers: readonly string[]; booleans: readonly string[]; files: readonly string[] };

/**
 * JSON, or a form as OpenAI's SDKs send it: `name[]`, `name[0]` and repeated names are lists, `name[field]` is an object. Fields that
 * are null are not there.
 * @throws unsupported_parameter for a file under a name that is none of `types.files`.
 */
export async function readForm(c: Context, types: FormTypes): Promise<Form> {
  const contentType = c.req.header('content-type') ?? '';
  if (!contentType.startsWith('multipart/form-data')) {
    const { body } = await readJson(c);
    return { body: withoutNulls(body), files: new Map() };
  }
  const form = await openForm(c);
  const body: JsonObject = {};
  const files = new Map<string, Asset[]>();
  for (const [field, value] of form.entries()) {
    const name = field.replace(/\[\d*\]$/, '');
    if (typeof value !== 'string') {
      if (!types.files.includes(name)) {
        throw new GatewayError('unsupported_parameter', {
          message: `A file named "${name}" is not taken.`,
          param: name,
        });
      }
      files.set(name, [...(files.get(name) ?? []), await assetOf(value)]);
      continue;
    }
    const [, whole, inner] = /^(\w+)\[(\w+)\]$/.exec(name) ?? [];
    if (whole && inner) {
      body[whole] = { ...(isObject(body[whole]) ? body[whole] : {}), [inner]: value };
      continue;
    }
    const read = readField(name, value, types);
    const before = body[name];
    if (field === name && before === undefined) body[name] = read;
    else body[name] = [...(Array.isArray(before) ? before : before === undefined ? [] : [before]), read];
  }
  return { body, files };
}

/** The fields of a request's form, of whichever type it says to be. Throws invalid_request where it cannot be read. */
export async function openForm(c: Context): Promise<FormData> {
  const bytes = await readBytes(c);
  try {
    return await new Response(bytes, { headers: { 'content-type': c.req.header('content-type') ?? '' } }).formData();
  } catch {
    throw new GatewayError('invalid_request', 'The form cannot be read.');
  }
}

/** A file of a form. What it says of itself counts where its bytes do not tell. */
export async function assetOf(file: File): Promise<Asset> {
  return named(new Uint8Array(await file.arrayBuffer()), file.type || undefined, file.name || undefined);
}

function readField(name: string, value: string, types: FormTypes): Json {
  if (types.numbers.includes(name)) return value.trim() === '' ? value : Number(value);
  if (types.booleans.includes(name) && /^(true|false)$/i.test(value)) return value.toLowerCase() === 'true';
  return value;
}

function withoutNulls(body: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}
