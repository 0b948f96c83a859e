import type { Context } from 'hono';
import { type Asset, isObject, type Json, type JsonObject, stringAt } from '../contract/index.ts';
import type { Caller, Gateway } from '../gateway/gateway.ts';
import { probe } from '../meter/probe.ts';
import { readJson } from './body.ts';
import { assetOf, openForm } from './media-form.ts';
import { type ReadRequest, readMediaRequest } from './media-request.ts';
import { refused } from './refuse.ts';

/** A request of the video doors: its fields, and the files that came in a form. */
export type VideoBody = { body: JsonObject; files: Record<string, Asset> };

/** Fields of a form that are files, by the doors that take them. */
const fileFields = ['input_reference', 'video'];

/** JSON, or a form as OpenAI's SDKs write it: every field a text, those of objects as `input_reference[image_url]`. */
export async function readVideoBody(c: Context): Promise<VideoBody> {
  const type = c.req.header('content-type') ?? '';
  if (!/^(multipart\/form-data|application\/x-www-form-urlencoded)/.test(type)) {
    return { body: (await readJson(c)).body, files: {} };
  }
  const form = await openForm(c);
  const body: JsonObject = {};
  const files: Record<string, Asset> = {};
  for (const [name, value] of form.entries()) {
    const [, field = name, inner] = /^(\w+)\[(\w+)\]$/.exec(name) ?? [];
    if (typeof value !== 'string') {
      if (!fileFields.includes(name)) throw refused(name, `A file named "${name}" is not taken.`);
      files[name] = await assetOf(value);
    } else if (inner === undefined) body[name] = readField(name, value);
    else body[field] = { ...(isObject(body[field]) ? body[field] : {}), [inner]: value };
  }
  return { body, files };
}

function readField(name: string, value: string): Json {
  if (name === 'seed') return Number(value);
  return name === 'audio' ? value === 'true' : value;
}

/**
 * OpenAI's words of a video in neutral ones: `seconds` is a text there, `input_reference` a picture (or a film, where the model takes
 * one) as file, address or data URL. Beside them stands what `POST /v1/generations` takes for a video.
 */
export async function readVideoRequest(
  gateway: Gateway,
  caller: Caller,
  { body, files }: VideoBody,
): Promise<ReadRequest> {
  const { input_reference: reference, seconds, model: _, ...rest } = body;
  const words: JsonObject = { ...rest };
  if (seconds !== undefined && seconds !== null) words.seconds = readSeconds(seconds);
  if (reference !== undefined && reference !== null) words.images = [addressOf(reference)];
  const read = await readMediaRequest(gateway, caller, 'video', words);
  if (read.request.modality !== 'video') throw new TypeError('A video was asked for.');
  const upload = files.input_reference;
  if (upload) {
    if (kindOf(upload) === 'video') read.request.video = upload;
    else if (kindOf(upload) === 'image') read.request.images = [upload];
    else throw refused('input_reference', 'input_reference: These bytes are neither a picture nor a film.');
  }
  if (files.video) {
    if (kindOf(files.video) !== 'video') throw refused('video', 'video: These bytes are no film.');
    read.request.video = files.video;
  }
  return read;
}

/** What an upload is by its bytes, whatever its sender calls it. */
function kindOf(asset: Asset): string | undefined {
  return 'bytes' in asset ? probe(asset.bytes)?.kind : undefined;
}

/** Seconds as OpenAI writes them ("8"), or as a number. */
function readSeconds(value: Json): number {
  const seconds = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof seconds === 'number' && Number.isFinite(seconds) && seconds > 0) return seconds;
  throw refused('seconds', 'seconds is a number such as "8".');
}

function addressOf(reference: Json): string {
  if (typeof reference === 'string') return reference;
  const address = stringAt(reference, 'image_url');
  if (address) return address;
  throw refused(
    'input_reference',
    'input_reference is a file, or {image_url} with an address or data URL; files of other services are not known here.',
  );
}
