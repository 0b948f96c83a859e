import type { Context } from 'hono';
import {
  type Dialect,
  type EmbeddingRequest,
  encodeBase64,
  GatewayError,
  type Json,
  type JsonObject,
  type Part,
} from '../contract/index.ts';
import { type About, upstreamOf } from '../gateway/attempt.ts';
import { type Caller, type Gateway, newTrace, type Trace } from '../gateway/gateway.ts';
import { beginMedia, type MediaCall, portOf, sendMedia } from '../gateway/media.ts';
import type { Wishes } from '../gateway/plan.ts';
import { aboutOf } from './about.ts';
import { errorAnswer, jsonAnswer, traceHeaders } from './answer.ts';
import { readJson } from './body.ts';
import type { Doors } from './generations.ts';
import { refused } from './refuse.ts';
import { takeWishes } from './wishes.ts';

export type Embedded = { vectors: number[][]; inputTokens: number | undefined };

/** Embeds texts with any embedding model. The vectors go to the caller only: the book keeps the receipt. */
export async function embed(
  doors: Doors,
  caller: Caller,
  trace: Trace,
  asked: string,
  request: EmbeddingRequest,
  about?: About,
  wishes?: Wishes,
): Promise<Embedded> {
  const { gateway } = doors;
  const record = { count: request.input.length };
  const call: MediaCall = { caller, trace, asked, request, record, about, wishes };
  const { attempt, operation } = await sendMedia(call, await beginMedia(gateway, call));
  if (operation.status !== 'completed') {
    const error =
      operation.status === 'failed' || operation.status === 'canceled'
        ? operation.error
        : new GatewayError('invalid_output', 'The provider answered embeddings with a job.');
    await attempt.fail(error, 'usage' in operation ? operation.usage : undefined);
    throw error;
  }
  await attempt.complete(attempt.price(operation.usage), { warnings: operation.warnings });
  const tokens = operation.usage.metered.find((one) => one.meter === 'input_text_tokens');
  return { vectors: operation.outputs.flatMap(vectorOf), inputTokens: tokens?.quantity };
}

/** `POST /v1/embeddings`: OpenAI's form, any embedding model behind it. */
export function embeddingDoor(doors: Doors, dialect: Dialect) {
  return async function answerEmbedding(c: Context): Promise<Response> {
    const trace = newTrace();
    try {
      const caller = await doors.authenticator.caller(c);
      const { body } = await readJson(c);
      const wishes = takeWishes(c, body);
      const asked = body.model ?? wishes?.models?.[0];
      if (typeof asked !== 'string')
        throw new GatewayError('invalid_request', { message: 'model is required.', param: 'model' });
      const request = readRequest(body);
      if (request.tokens) {
        for (const name of new Set([asked, ...(wishes?.models ?? [])])) checkTokens(doors.gateway, name);
      }
      const { vectors, inputTokens } = await embed(
        doors,
        caller,
        trace,
        asked,
        request,
        await aboutOf(c, caller, body),
        wishes,
      );
      const answer = {
        object: 'list',
        data: vectors.map((vector, index) => ({
          object: 'embedding',
          index,
          embedding: body.encoding_format === 'base64' ? writeFloats(vector) : vector,
        })),
        model: trace.model ?? asked,
        usage: { prompt_tokens: inputTokens ?? 0, total_tokens: inputTokens ?? 0 },
      };
      return jsonAnswer(c, answer, 200, traceHeaders(trace));
    } catch (thrown) {
      return errorAnswer(thrown, trace, dialect);
    }
  };
}

const known = ['model', 'input', 'dimensions', 'encoding_format', 'user'];

/** OpenAI's most inputs in one request. */
const mostInputs = 2048;

function readRequest(body: JsonObject): EmbeddingRequest {
  const { input, dimensions, encoding_format: format, user } = body;
  if (dimensions !== undefined && dimensions !== null && !(Number.isInteger(dimensions) && Number(dimensions) > 0)) {
    throw refused('dimensions', 'dimensions is a whole number above 0.');
  }
  if (format !== undefined && format !== null && format !== 'float' && format !== 'base64') {
    throw refused('encoding_format', 'encoding_format is "float" or "base64".');
  }
  if (user !== undefined && user !== null && typeof user !== 'string') throw refused('user', 'user is a text.');
  const params = Object.fromEntries(Object.entries(body).filter(([name]) => !known.includes(name)));
  return {
    modality: 'embedding',
    ...readInputs(input),
    ...(typeof dimensions === 'number' ? { dimensions } : {}),
    ...(typeof user === 'string' ? { user } : {}),
    ...(Object.keys(params).length > 0 ? { params } : {}),
  };
}

/** A text or texts, or the token ids of one or of several. */
function readInputs(value: Json | undefined): Pick<EmbeddingRequest, 'input' | 'tokens'> {
  const list = Array.isArray(value) && !isTokens(value) ? value : [value ?? null];
  if (list.length > mostInputs) throw refused('input', `input has at most ${mostInputs} texts, not ${list.length}.`);
  if (list.length > 0 && list.every((text) => typeof text === 'string' && text !== '')) {
    return { input: list as string[] };
  }
  if (list.length > 0 && list.every(isTokens)) return { input: list.map((ids) => ids.join(' ')), tokens: list };
  throw refused('input', 'input is a text, a list of texts, or token ids.');
}

function isTokens(value: Json): value is number[] {
  return Array.isArray(value) && value.length > 0 && value.every((id) => Number.isInteger(id) && Number(id) >= 0);
}

/** Token ids mean something to one model only. */
function checkTokens(gateway: Gateway, name: string): void {
  const model = gateway.directory.resolve(name, 'embedding');
  const places: readonly string[] | undefined = portOf(model, upstreamOf(gateway, model)).honours?.({
    model: model.upstream,
    options: {},
  });
  if (places?.includes('tokens')) return;
  throw new GatewayError('unsupported_parameter', {
    message: `${model.id} takes texts, not token ids.`,
    param: 'input',
  });
}

function vectorOf(part: Part): number[][] {
  return part.type === 'embedding' ? [part.vector] : [];
}

/** Little-endian 32-bit floats, as OpenAI's SDK asks for by default. */
function writeFloats(vector: number[]): string {
  return encodeBase64(new Uint8Array(new Float32Array(vector).buffer));
}
