import type { GenerationRecord } from '../books/index.ts';
import { isObject, type Json, type JsonObject, numberAt, stringAt } from '../contract/index.ts';
import type { Trace } from '../gateway/gateway.ts';
import { receiptOf } from '../gateway/view.ts';
import { writeUsd } from '../meter/money.ts';

/** What is said of a size or length that nobody has asked for and nothing has been measured of yet. */
const unsaid = 'auto';

/** A video's name is that of its generation, in the form of OpenAI's door. */
export function videoId(generationId: string): string {
  return generationId.replace(/^gen_/, 'video_');
}

/** The generation behind a video's name; either form is understood. */
export function generationIdOf(video: string): string {
  return video.replace(/^video_/, 'gen_');
}

/** The kept film of a generation. */
export function filmOf(record: GenerationRecord): JsonObject | undefined {
  return record.outputs.filter(isObject).find((output) => /^video\//.test(stringAt(output, 'media_type') ?? ''));
}

/**
 * A generation as OpenAI's Video. `size` ("WIDTHxHEIGHT") and `seconds` are what was asked until the film is there, then what was
 * measured; `progress` is a whole percentage.
 */
export function viewVideo(record: GenerationRecord): JsonObject {
  const { request, status, at, completedAt } = record;
  const film = filmOf(record);
  const last = record.attempts.at(-1);
  const ended = status === 'failed' || status === 'canceled';
  return {
    id: videoId(record.id),
    object: 'video',
    model: last ? `${last.provider}/${last.model}` : record.model,
    status: ended ? 'failed' : status,
    progress: status === 'completed' ? 100 : Math.min(99, Math.floor((record.fraction ?? 0) * 100)),
    created_at: Math.floor(at / 1000),
    completed_at: completedAt === undefined || ended ? null : Math.floor(completedAt / 1000),
    expires_at: null,
    prompt: stringAt(request, 'input') ?? null,
    size: sizeOf(film) ?? stringAt(request, 'size') ?? unsaid,
    seconds: writeSeconds(numberAt(film, 'seconds') ?? numberAt(request, 'seconds')),
    remixed_from_video_id: stringAt(request, 'remixed_from') ?? null,
    error: ended ? writeError(record.error, status) : null,
  };
}

function sizeOf(film: JsonObject | undefined): string | undefined {
  const width = numberAt(film, 'width');
  return width === undefined ? undefined : `${width}x${numberAt(film, 'height')}`;
}

/** Encoders have frames: a film of 5.04 seconds is one of "5". */
function writeSeconds(seconds: number | undefined): string {
  return seconds === undefined ? unsaid : String(Math.round(seconds * 10) / 10);
}

function writeError(error: JsonObject | undefined, status: string): Json {
  return {
    code: stringAt(error, 'code') ?? (status === 'canceled' ? 'request_canceled' : 'internal_error'),
    message: stringAt(error, 'message') ?? `The video was ${status}.`,
  };
}

/** What is known of a generation, for the headers of an answer about it; its cost is there after its end. */
export function traceOf(record: GenerationRecord): Trace {
  const last = record.attempts.at(-1);
  const receipt = receiptOf(record.attempts);
  const unhonoured = record.degradations.flatMap((one) => {
    const field = stringAt(one, 'field');
    return field === undefined ? [] : [`"${field}" was not honoured.`];
  });
  return {
    generation: record.id,
    ...(last ? { provider: last.provider, model: `${last.provider}/${last.model}` } : {}),
    attempts: record.attempts.length,
    ...(receipt?.total === undefined ? {} : { cost: writeUsd(receipt.total) }),
    ...(receipt ? { costStatus: receipt.status } : {}),
    simulated: record.simulated,
    warnings: [...record.warnings, ...unhonoured],
  };
}
