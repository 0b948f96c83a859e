import type { Context } from 'hono';
import { type Dialect, type EmbeddingRequest, GatewayError, type JsonObject, type Part } from '../contract/index.ts';
import { encodeBase64 } from '../dialects/shared.ts';
import type { About } from '../gateway/attempt.ts';
import { type Caller, newTrace, type Trace } from '../gateway/gateway.ts';
import { beginMedia, type MediaCall, sendMedia } from '../gateway/media.ts';
import type { Wishes } from '../gateway/plan.ts';
import { aboutOf } from './about.ts';
import { errorAnswer, jsonAnswer, traceHeaders } from './answer.ts';
import { readJson } from './body.ts';
import type { Doors } from './generations.ts';
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
      const { vectors, inputTokens } = await embed(
        doors,
        caller,
        trace,
        asked,
        readRequest(body),
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

function readRequest(body: JsonObject): EmbeddingRequest {
  const input = typeof body.input === 'string' ? [body.input] : body.input;
  if (!Array.isArray(input) || input.length === 0 || !input.every((text) => typeof text === 'string' && text !== '')) {
    throw new GatewayError('invalid_request', { message: 'input is a text or a list of texts.', param: 'input' });
  }
  const params = Object.fromEntries(Object.entries(body).filter(([name]) => !known.includes(name)));
  return {
    modality: 'embedding',
    input: input as string[],
    ...(typeof body.dimensions === 'number' ? { dimensions: body.dimensions } : {}),
    ...(typeof body.user === 'string' ? { user: body.user } : {}),
    ...(Object.keys(params).length > 0 ? { params } : {}),
  };
}

function vectorOf(part: Part): number[][] {
  return part.type === 'embedding' ? [part.vector] : [];
}

/** Little-endian 32-bit floats, as OpenAI's SDK asks for by default. */
function writeFloats(vector: number[]): string {
  return encodeBase64(new Uint8Array(new Float32Array(vector).buffer));
}
