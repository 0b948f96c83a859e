import {
  at,
  type Call,
  encodeBase64,
  GatewayError,
  isObject,
  type Json,
  type JsonObject,
  type MediaPort,
  type Operation,
  stringAt,
  type VideoRequest,
} from '../../src/contract/index.ts';
import { bytesOf, mediaTypeOf } from './bytes.ts';
import { keyHeader, withGoogle } from './google-client.ts';
import { type Asked, type InteractionRef, isInteractionId, readInteraction } from './google-interaction.ts';
import { exchange } from './job-exchange.ts';
import { garbageError } from './outcome.ts';
import { callerParams, dropped, present, refuse } from './params.ts';
import { pricedFigures } from './priced-names.ts';
import { refusePriced } from './priced-params.ts';

/** What the neutral request or this adapter decides. Foreground and unstored interactions could not be asked about. */
const owned = ['model', 'input', 'background', 'store', 'stream', 'response_format', 'response_modalities'];
const lines: Record<string, string> = { '360': '360p', '720': '720p', '1080': '1080p', '2160': '4k' };
/** Set where nobody says how long the video shall be: its length is its price. */
const usualSeconds = 8;

/**
 * Video by Gemini Omni, which took Veo's place in the Gemini API on 2026-10-22: a background interaction that is asked about, delivered
 * as a file that only the key opens. Sound always comes with it. Roles of pictures are tags in the prompt.
 * @see https://ai.google.dev/gemini-api/docs/omni
 */
export const googleVideo: Pick<Required<MediaPort<'video'>>, 'submit' | 'poll' | 'cancel'> = {
  submit: (request, call) =>
    withGoogle(call, async (client) => {
      refuseForeign(request, call);
      const asked = shapeOf(request);
      const params = callerParams(request.params, owned);
      refusePriced(params, { among: pricedFigures });
      const own = isObject(params.generation_config) ? params.generation_config : {};
      const input = await inputOf(request);
      const body = present({
        ...params,
        model: call.model,
        input: input as never,
        background: true,
        response_format: {
          type: 'video' as const,
          delivery: 'uri' as const,
          duration: `${asked.seconds}s`,
          resolution: asked.resolution,
          ...(asked.ratio ? { aspect_ratio: asked.ratio } : {}),
        },
        generation_config: present({ seed: request.seed, video_config: taskOf(request), ...own }) as never,
        webhook_config: call.webhookUrl ? { uris: [call.webhookUrl] } : undefined,
      });
      // The SDK would send a refused or broken request four more times.
      const sending = { maxRetries: 0, fetchOptions: { signal: call.signal, redirect: 'manual' } } as const;
      const interaction = (await client.interactions.create(body, sending).catch(notJson)) as unknown as Json;
      const id = stringAt(interaction, 'id');
      if (!id || !isInteractionId(id)) {
        throw garbageError('google', 'google named no interaction.');
      }
      const warnings = dropped('google', { user: request.user });
      const ref: InteractionRef = { id, asked, ...(warnings.length > 0 ? { warnings } : {}) };
      return readInteraction(interaction, ref, call);
    }).catch((thrown: unknown) => refusedOrThrown(thrown)),

  async poll(ref, call) {
    const known = readRef(ref);
    return readInteraction(await look(known, call), known, call);
  },

  /** What had already ended is left as it ended. */
  async cancel(ref, call) {
    const known = readRef(ref);
    const before = await readInteraction(await look(known, call), known, call);
    if (before.status !== 'queued' && before.status !== 'in_progress') return before;
    const url = `${addressOf(known, call)}/cancel`;
    await exchange(call, 'google', { purpose: 'cancel', method: 'POST', url, headers: keyHeader(call) });
    return readInteraction(await look(known, call), known, call);
  },
};

function refuseForeign(request: VideoRequest, call: Call): void {
  if (call.model.startsWith('veo-')) {
    throw new GatewayError('model_not_found', {
      message: `Google's API no longer serves ${call.model}; gemini-omni-1.2-flash makes videos there.`,
      provider: 'google',
      failure: 'A',
      billing: 'none',
    });
  }
  if (request.audio === false) throw refuse('audio', 'Gemini Omni always makes sound.', ['true']);
  if (request.video)
    throw refuse('video', 'Editing a video is not offered here: its length, and so its price, is not known.');
  const most = tagged(request.prompt) ? 6 : 2;
  if ((request.images?.length ?? 0) > most) {
    throw refuse('images', `${most} images are the most: more than a first and a last one need tags in the prompt.`);
  }
}

/** Whether the prompt itself says what each picture is for. */
function tagged(prompt: string): boolean {
  return /<(FIRST_FRAME|LAST_FRAME|IMAGE_REF_\d+)>/.test(prompt);
}

function shapeOf(request: VideoRequest): Asked {
  const seconds = request.seconds ?? usualSeconds;
  const [, wide, high] = /^(\d+)x(\d+)$/.exec(request.size ?? '') ?? [];
  if (request.size !== undefined && request.size !== 'auto' && !wide)
    throw refuse('size', `Gemini Omni has no size "${request.size}".`, [
      '1280x720',
      '720x1280',
      '1920x1080',
      '1080x1920',
    ]);
  const [width, height] = [Number(wide), Number(high)];
  const sized = wide ? lines[String(Math.min(width, height))] : undefined;
  const shape = width * 9 === height * 16 ? '16:9' : height * 9 === width * 16 ? '9:16' : undefined;
  if (wide && (!sized || !shape))
    throw refuse('size', `Gemini Omni has no size ${request.size}.`, Object.values(lines));
  const ratio = request.ratio ?? shape;
  return {
    seconds,
    resolution: request.resolution?.toLowerCase() ?? sized ?? '720p',
    ...(ratio ? { ratio } : {}),
  };
}

function taskOf(request: VideoRequest): JsonObject | undefined {
  if (tagged(request.prompt)) return undefined;
  return { task: request.images?.length ? 'image_to_video' : 'text_to_video' };
}

async function inputOf(request: VideoRequest): Promise<string | JsonObject[]> {
  const avoided = request.negativePrompt ? `\n\nDo not show: ${request.negativePrompt}` : '';
  const count = request.images?.length ?? 0;
  const roles = tagged(request.prompt) ? '' : ['', '<FIRST_FRAME> ', '<FIRST_FRAME> <LAST_FRAME> '][count];
  const text = `${roles}${request.prompt}${avoided}`;
  if (!request.images?.length) return text;
  const images = await Promise.all(
    request.images.map(async (asset): Promise<JsonObject> => {
      const bytes = await bytesOf(asset, 'images');
      return { type: 'image', data: encodeBase64(bytes), mime_type: mediaTypeOf(bytes) ?? asset.mediaType };
    }),
  );
  return [...images, { type: 'text', text }];
}

/** The SDK calls a good status with a page of HTML an error like any other. */
function notJson(thrown: unknown): never {
  if (!String(at(thrown, 'status') ?? '').startsWith('2')) throw thrown;
  throw garbageError('google', 'google answered something that is not JSON.');
}

/** A prompt that the filter stops at the door is a 400 among others; only its words tell. */
function refusedOrThrown(thrown: unknown): Operation {
  if (
    thrown instanceof GatewayError &&
    thrown.code === 'provider_rejected' &&
    /\bblocked\b[^.]*\b(safety|polic)/i.test(thrown.message)
  )
    throw new GatewayError('content_policy', { ...thrown.details, status: undefined });
  throw thrown;
}

function addressOf({ id }: InteractionRef, call: Call): string {
  return `${call.baseUrl}/v1beta/interactions/${encodeURIComponent(id)}`;
}

async function look(ref: InteractionRef, call: Call): Promise<Json> {
  const headers = keyHeader(call);
  try {
    const answer = await exchange(call, 'google', {
      purpose: 'look',
      method: 'GET',
      url: addressOf(ref, call),
      headers,
    });
    return answer ?? null;
  } catch (thrown) {
    // Google says 400 of an interaction that it does not know.
    if (!(thrown instanceof GatewayError) || !/invalid interaction name/i.test(thrown.message)) throw thrown;
    const message = 'google does not know this job (any more).';
    throw new GatewayError('outcome_unknown', { message, provider: 'google', failure: 'C', billing: 'unknown' });
  }
}

function readRef(ref: Json): InteractionRef {
  const id = stringAt(ref, 'id');
  const asked = isObject(ref) ? ref.asked : undefined;
  if (!id || !isInteractionId(id) || !isObject(asked)) {
    const message = 'This reference is not one of a Google interaction.';
    throw new GatewayError('internal_error', { message, failure: 'A', billing: 'none' });
  }
  return ref as InteractionRef;
}
