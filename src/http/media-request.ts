import { GatewayError, type JsonObject, type MediaModality, type MediaRequest } from '../contract/index.ts';
import type { Caller, Gateway } from '../gateway/gateway.ts';
import { probe } from '../meter/probe.ts';
import type { Uploads } from './generation-form.ts';
import { checkBody, type MediaInput, requiredText } from './generation-request.ts';
import { checkImage, readMedia } from './media-input.ts';

/** A checked request in neutral words, and as the book keeps it (no media bytes). */
export type ReadRequest = { request: MediaRequest; record: JsonObject };

/** Reads the body of a media generation. Media inputs are fetched here, so that nothing is sent for a bad one. */
export async function readMediaRequest(
  gateway: Gateway,
  caller: Caller,
  modality: MediaModality,
  body: JsonObject,
  uploads: Uploads = {},
): Promise<ReadRequest> {
  const picture = async (input: MediaInput, param: string) =>
    checkImage(await readMedia(gateway, caller, input, param), param);
  const assets = (inputs: MediaInput[] | undefined, param: string) =>
    inputs && Promise.all(inputs.map((input) => picture(input, param)));
  const pictures = async (inputs: MediaInput[] | undefined) => {
    const all = [...(uploads.images ?? []), ...((await assets(inputs, 'images')) ?? [])];
    return all.length > 0 ? all : undefined;
  };
  const asset = async (input: MediaInput | undefined, param: string) =>
    input === undefined ? undefined : readMedia(gateway, caller, input, param);

  switch (modality) {
    case 'embedding': {
      const wire = checkBody('embedding', body);
      const input = typeof wire.input === 'string' ? [wire.input] : wire.input;
      return plain(
        { ...shared(wire), modality, input, dimensions: wire.dimensions, task: wire.task },
        { count: input.length },
      );
    }
    case 'image': {
      const wire = checkBody('image', body);
      const request = {
        ...shared(wire),
        modality,
        prompt: requiredText(wire, 'input', 'prompt'),
        n: wire.n,
        size: wire.size,
        ratio: wire.ratio ?? wire.aspect_ratio,
        quality: wire.quality,
        format: wire.format ?? wire.output_format,
        background: wire.background,
        negativePrompt: wire.negative_prompt,
        images: await pictures(wire.images),
        mask: uploads.mask ?? (wire.mask === undefined ? undefined : await picture(wire.mask, 'mask')),
        partialImages: wire.partial_images,
        inputFidelity: wire.input_fidelity,
        moderation: wire.moderation,
        compression: wire.compression,
      };
      return plain(request, {
        input: request.prompt,
        n: wire.n ?? 1,
        size: wire.size ?? null,
        ratio: request.ratio ?? null,
        format: request.format ?? null,
      });
    }
    case 'speech': {
      const wire = checkBody('speech', body);
      const request = {
        ...shared(wire),
        modality,
        text: requiredText(wire, 'input', 'text'),
        voice: wire.voice,
        voices: wire.voices,
        timestamps: wire.timestamps,
        format: wire.format ?? wire.response_format,
        speed: wire.speed,
        instructions: wire.instructions,
        language: wire.language,
      };
      return plain(request, { input: request.text, voice: wire.voice ?? null, format: request.format ?? null });
    }
    case 'transcription': {
      const wire = checkBody('transcription', body);
      const input = wire.input ?? wire.audio ?? wire.file;
      const audio = uploads.audio ?? (await asset(input, 'input'));
      if (!audio) throw new GatewayError('invalid_request', { message: 'input is required.', param: 'input' });
      const found = 'bytes' in audio ? probe(audio.bytes) : undefined;
      if (!found || (found.kind !== 'audio' && found.kind !== 'video')) {
        throw new GatewayError('invalid_request', { message: 'input: These bytes are no audio.', param: 'input' });
      }
      const request = {
        ...shared(wire),
        modality,
        audio,
        language: wire.language,
        prompt: wire.prompt,
        format: wire.format ?? wire.response_format,
        temperature: wire.temperature,
        translate: wire.translate,
        timestamps: wire.timestamps,
        diarize: wire.diarize,
      };
      return plain(request, { audio_seconds: found.seconds ?? null, media_type: found.mediaType });
    }
    case 'music': {
      const wire = checkBody('music', body);
      const request = {
        ...shared(wire),
        modality,
        prompt: requiredText(wire, 'input', 'prompt'),
        seconds: wire.seconds,
        lyrics: wire.lyrics,
        instrumental: wire.instrumental,
        format: wire.format,
        audio: uploads.audio ?? (await asset(wire.audio, 'audio')),
      };
      return plain(request, {
        input: request.prompt,
        seconds: wire.seconds ?? null,
        format: wire.format ?? null,
      });
    }
    case 'sound_effect': {
      const wire = checkBody('sound_effect', body);
      const text = requiredText(wire, 'input', 'prompt');
      return plain(
        { ...shared(wire), modality, prompt: text, seconds: wire.seconds, format: wire.format },
        { input: text, seconds: wire.seconds ?? null, format: wire.format ?? null },
      );
    }
    case 'video': {
      const wire = checkBody('video', body);
      const request = {
        ...shared(wire),
        modality,
        prompt: requiredText(wire, 'input', 'prompt'),
        seconds: wire.seconds,
        size: wire.size,
        ratio: wire.ratio ?? wire.aspect_ratio,
        resolution: wire.resolution,
        audio: wire.audio,
        negativePrompt: wire.negative_prompt,
        images: await pictures(wire.images),
        video: uploads.video ?? (await asset(wire.video, 'video')),
      };
      return plain(request, {
        input: request.prompt,
        seconds: wire.seconds ?? null,
        size: wire.size ?? null,
        ratio: request.ratio ?? null,
      });
    }
    case 'model3d': {
      const wire = checkBody('model3d', body);
      const request = {
        ...shared(wire),
        modality,
        prompt: requiredText(wire, 'input', 'prompt'),
        images: await pictures(wire.images),
        format: wire.format,
        texture: wire.texture,
      };
      return plain(request, { input: request.prompt, format: wire.format ?? null });
    }
  }
}

function shared(wire: { params?: unknown; seed?: number; user?: string }) {
  return { params: wire.params as JsonObject | undefined, seed: wire.seed, user: wire.user };
}

/** Fields that were not given are left out, so that adapters can spread. */
function plain(request: MediaRequest, record: JsonObject): ReadRequest {
  for (const name of Object.keys(request) as (keyof MediaRequest)[])
    if (request[name] === undefined) delete request[name];
  return { request, record };
}
