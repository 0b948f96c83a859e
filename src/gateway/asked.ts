import {
  type Asset,
  at,
  type JsonObject,
  type MediaRequest,
  type Part,
  stringAt,
  type TextRequest,
} from '../contract/index.ts';
import { probe } from '../meter/probe.ts';
import type { Asked } from '../meter/quote.ts';

function textOf(...texts: (string | undefined)[]): Pick<Asked, 'characters' | 'bytes'> {
  const text = texts.filter(Boolean).join('\n');
  return { characters: [...text].length, bytes: new TextEncoder().encode(text).length };
}

/** What a text request asks for, as far as it decides about the cost. */
export function askedOfText(request: TextRequest): Asked {
  const texts: string[] = request.tools?.length ? [JSON.stringify(request.tools)] : [];
  if (request.output?.type === 'json_schema') texts.push(JSON.stringify(request.output.schema));
  let images = 0;
  let unbounded = false;
  const read = (part: Part): void => {
    if (part.type === 'text' || part.type === 'reasoning' || part.type === 'refusal') texts.push(part.text);
    else if (part.type === 'tool_call') texts.push(part.name + part.arguments);
    else if (part.type === 'tool_result') part.content.forEach(read);
    else if (part.type === 'asset' && part.asset.mediaType.startsWith('image/')) images++;
    else if (part.type === 'asset' || part.type === 'other') unbounded = true;
  };
  for (const message of request.messages) message.parts.forEach(read);
  return {
    modality: 'text',
    ...textOf(...texts),
    images,
    unbounded: unbounded || (request.tools ?? []).some((tool) => tool.type === 'other'),
    maxOutputTokens: request.maxOutputTokens,
    n: request.n,
  };
}

/** The same of a media request. */
export function askedOfMedia(request: MediaRequest): Asked {
  const { params } = request;
  const base = {
    modality: request.modality,
    images: 0,
    mode: stringAt(params, 'mode'),
    serviceTier: stringAt(params, 'service_tier'),
    ...(params ? { params: Object.keys(params) } : {}),
  };
  switch (request.modality) {
    case 'embedding':
      return { ...base, ...textOf(...request.input) };
    case 'image':
      return {
        ...base,
        ...textOf(request.prompt, request.negativePrompt),
        images: (request.images?.length ?? 0) + (request.mask ? 1 : 0),
        pixels: pixelsOf(request.images ?? []),
        n: request.n,
        size: request.size,
        quality: request.quality,
      };
    case 'speech':
      return {
        ...base,
        ...textOf(request.text, request.instructions),
        characters: [...request.text].length,
        speed: request.speed,
      };
    case 'transcription':
      return { ...base, ...textOf(request.prompt), audioSeconds: secondsOf(request.audio) };
    case 'music':
      return { ...base, ...textOf(request.prompt, request.lyrics), seconds: request.seconds };
    case 'sound_effect':
      return { ...base, ...textOf(request.prompt), seconds: request.seconds };
    case 'video':
      return {
        ...base,
        ...textOf(request.prompt),
        images: request.images?.length ?? 0,
        unbounded: request.video !== undefined,
        seconds: request.seconds,
        size: request.size,
        resolution: request.resolution,
        audio: request.audio,
      };
    case 'model3d':
      return { ...base, ...textOf(request.prompt), images: request.images?.length ?? 0 };
  }
}

function pixelsOf(images: readonly Asset[]): number[] {
  return images.flatMap((image) => {
    const { width, height } = ('bytes' in image && probe(image.bytes)) || {};
    return width && height ? [width * height] : [];
  });
}

function secondsOf(audio: Asset): number | undefined {
  return 'bytes' in audio ? probe(audio.bytes)?.seconds : undefined;
}

/** Keys that stand for a picture in any dialect, and those for what has no bound. */
const picture = /"(?:image_url|input_image|image|inline_data|inlineData)"\s*:?/g;
const boundless = /"(?:input_file|file|file_data|fileData|document|input_audio|video|file_id)"/;

/**
 * The same of a text body in any dialect that is not read further: every byte may be a token.
 * @param most the output tokens it allows.
 */
export function askedOfBody(body: JsonObject, text: string, most: number | undefined): Asked {
  const tools = Array.isArray(body.tools) ? body.tools : [];
  const count = at(body, 'n') ?? at(body, 'generationConfig', 'candidateCount');
  const isOwn = (tool: (typeof tools)[number]) =>
    at(tool, 'functionDeclarations') !== undefined ||
    at(tool, 'input_schema') !== undefined ||
    stringAt(tool, 'type') === 'function';
  return {
    modality: 'text',
    characters: text.length,
    bytes: new TextEncoder().encode(text).length,
    images: text.match(picture)?.length ?? 0,
    unbounded: boundless.test(text) || !tools.every(isOwn),
    maxOutputTokens: most,
    n: typeof count === 'number' ? count : undefined,
    serviceTier: stringAt(body, 'service_tier'),
  };
}
