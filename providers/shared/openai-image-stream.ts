import type OpenAI from 'openai';
import { type AssetPart, type Call, GatewayError } from '../../src/contract/index.ts';
import { decodeBase64, mediaTypeOf } from './bytes.ts';

type Event =
  | OpenAI.ImageGenPartialImageEvent
  | OpenAI.ImageGenCompletedEvent
  | OpenAI.ImageEditPartialImageEvent
  | OpenAI.ImageEditCompletedEvent;

/** An image's bytes, by what they are rather than what they were called, with its size where the answer tells it. */
export function imagePart(base64: string, told: string, size: string | undefined): AssetPart {
  const bytes = decodeBase64(base64);
  const [, width, height] = /^(\d+)x(\d+)$/.exec(size ?? '') ?? [];
  const measured = width && height ? { width: Number(width), height: Number(height) } : {};
  return { type: 'asset', asset: { mediaType: mediaTypeOf(bytes) ?? told, bytes }, ...measured };
}

/**
 * Reports each preview of a streamed image and returns the end as a plain answer. A stream that stops before its end is
 * `stream_interrupted`, class D once a preview was shown.
 */
export async function readImageEvents(events: AsyncIterable<Event>, call: Call): Promise<OpenAI.ImagesResponse> {
  let shown = 0;
  const broken = (cause?: unknown) =>
    new GatewayError('stream_interrupted', {
      message: 'openai stopped drawing before the end.',
      provider: 'openai',
      failure: shown > 0 ? 'D' : 'C',
      billing: 'unknown',
      ...(cause === undefined ? {} : { cause }),
    });
  try {
    for await (const event of events) {
      if (event.type === 'image_generation.completed' || event.type === 'image_edit.completed') {
        const { b64_json, created_at, type: _type, ...facts } = event;
        return { ...facts, created: created_at, data: [{ b64_json }] } as OpenAI.ImagesResponse;
      }
      if (event.type !== 'image_generation.partial_image' && event.type !== 'image_edit.partial_image') continue;
      const partial = imagePart(event.b64_json, `image/${event.output_format}`, event.size);
      call.progress?.({ partial, index: event.partial_image_index });
      shown += 1;
    }
  } catch (thrown) {
    if (shown === 0) throw thrown;
    throw broken(thrown);
  }
  throw broken();
}
