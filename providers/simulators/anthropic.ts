import { Hono } from 'hono';
import type { JsonObject } from '../../src/contract/index.ts';
import { isObject } from '../../src/contract/index.ts';
import { answer, inputCharges } from './anthropic/answer.ts';
import { lazyBody } from './anthropic/body.ts';
import { PromptCache } from './anthropic/cache.ts';
import { errorResponse, invalid, Refused } from './anthropic/errors.ts';
import { streamEvents } from './anthropic/events.ts';
import { contextWindow, listModels, maxOutput, modelInfo, requireModel } from './anthropic/models.ts';
import { type Piece, readPieces, readPrompt } from './anthropic/prompt.ts';
import { echoes, type MessageBody, readCountBody, readMessageBody } from './anthropic/request.ts';
import { readTurns } from './anthropic/turns.ts';
import type { Charge } from './bill.ts';
import {
  createSimulator,
  type Simulator,
  type SimulatorContext,
  type SimulatorHandler,
  type SimulatorOptions,
} from './simulator.ts';

/** From this version on the vendor refuses sampling parameters. */
const withoutSampling = '2026-10-21';
const largestBody = 32 * 1024 * 1024;

/**
 * The Anthropic API, simulated: messages (plain and streamed), token counting, models.
 * Directives in the user's text: `[[refusal]]` is refused with HTTP 200. A key that starts with `invalid` is unknown.
 * @see https://platform.claude.com/docs/en/api/messages
 */
export function anthropic(options: SimulatorOptions = {}): Simulator {
  return createSimulator('anthropic', make, options);
}

function make(context: SimulatorContext): SimulatorHandler {
  const cache = new PromptCache();
  const app = new Hono({ getPath: (request) => vendorPath(new URL(request.url).pathname) });

  app.use('*', async (c, next) => {
    authenticate(c.req.raw.headers);
    await next();
    const seed = `${c.req.method} ${c.req.path} ${c.req.header('x-client-request-id') ?? ''}`;
    stamp(c.res.headers, context, seed);
  });

  app.post('/v1/messages', async (c) => {
    const { body, text } = await readJson(c.req.raw);
    refuseThread(body);
    const message = readMessageBody(body);
    requireModel(message.model);
    checkMessage(message, c.req.header('anthropic-version') ?? '');
    const turns = readTurns(message, context.seed);
    const pieces = readPieces(message, turns);
    checkLength(message.model, pieces);
    const prompt = readPrompt(message, turns, context.seed);
    const id = context.idFor('msg_01', '/v1/messages', text);
    const split = cache.use(message.model, pieces, context.now());
    const result = answer(message, prompt, split, { id, seed: context.seed, echoed: echoes(body) });

    const dims = readDims(message);
    const output: Charge = { meter: 'output_text_tokens', quantity: 0, ...(dims ? { dims } : {}) };
    context.bill.add({
      client: c.req.header('x-client-request-id'),
      id,
      model: message.model,
      at: context.now(),
      charges: [...inputCharges(split, dims), output],
    });
    if (!message.stream) {
      output.quantity = result.outputTokens;
      return c.json(result.message);
    }
    const frames = function* () {
      for (const { data, tokens } of streamEvents(result)) {
        output.quantity = tokens;
        yield `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
      }
    };
    return new Response(lazyBody(frames(), context, c.req.raw.signal), {
      headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' },
    });
  });

  app.post('/v1/messages/count_tokens', async (c) => {
    const { body } = await readJson(c.req.raw);
    const counted = readCountBody(body);
    requireModel(counted.model);
    const pieces = readPieces(counted, readTurns(counted, context.seed));
    return c.json({ ...echoes(body), input_tokens: total(pieces) });
  });

  app.get('/v1/models', (c) => c.json(listModels(new URL(c.req.url).searchParams)));
  app.get('/v1/models/:id', (c) => c.json(modelInfo(c.req.param('id'))));
  app.notFound(() => errorResponse(404, 'Not found'));
  app.onError((thrown) =>
    thrown instanceof Refused
      ? errorResponse(thrown.status, thrown.message, thrown.type, thrown.details)
      : errorResponse(500, `Internal server error: ${thrown.message}`),
  );
  return {
    handle: async (request) => app.fetch(request),
    writeError: errorResponse,
    reset: () => cache.clear(),
  };
}

/** The vendor's own path at the end of any prefix. */
function vendorPath(path: string): string {
  return /\/v1\/(?:messages(?:\/count_tokens)?|models(?:\/[^/]+)?)$/.exec(path)?.[0] ?? path;
}

function authenticate(headers: Headers): void {
  const key = headers.get('x-api-key');
  const bearer = /^Bearer\s+(.+)$/i.exec(headers.get('authorization') ?? '')?.[1];
  if (!key && !bearer) throw new Refused(401, 'x-api-key header is required');
  if (key && bearer && key !== bearer)
    throw new Refused(401, 'Conflicting credentials: x-api-key and Authorization differ');
  if ((key ?? bearer)?.startsWith('invalid')) throw new Refused(401, 'invalid x-api-key');
  const version = headers.get('anthropic-version');
  if (!version) throw invalid('anthropic-version: header is required');
  if (!/^\d{4}-\d{2}-\d{2}$/.test(version)) throw invalid(`anthropic-version: "${version}" is not a valid version`);
}

async function readJson(request: Request): Promise<{ body: JsonObject; text: string }> {
  const text = await request.text();
  if (text.length > largestBody) throw new Refused(413, 'Request exceeds the maximum size');
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (thrown) {
    throw invalid(`The request body is not valid JSON: ${(thrown as Error).message}`);
  }
  if (!isObject(body)) throw invalid('The request body is not valid JSON: an object is expected');
  return { body, text };
}

/** Threads are kept by the vendor for some accounts; its SDK goes on without one where it is told so. */
function refuseThread({ thread }: JsonObject): void {
  if (thread === undefined || thread === null) return;
  const details = { error_code: 'thread_unsupported_request', unsupported: ['thread'] };
  throw new Refused(400, 'thread: This request cannot be threaded.', undefined, details);
}

function checkMessage(message: MessageBody, version: string): void {
  for (const name of ['temperature', 'top_p', 'top_k'] as const)
    if (version >= withoutSampling && message[name] !== undefined)
      throw invalid(`${name}: sampling parameters are not supported by anthropic-version ${version}`);
  const { max_tokens: limit, model, thinking, output_config: output } = message;
  if (limit > maxOutput(model))
    throw invalid(
      `max_tokens: ${limit} > ${maxOutput(model)}, which is the maximum allowed number of output tokens for ${model}`,
    );
  if (thinking?.type === 'enabled' && thinking.budget_tokens >= limit)
    throw invalid('`max_tokens` must be greater than `thinking.budget_tokens`');
  if (output?.format) checkClosed(output.format.schema, 'output_config.format.schema');
}

/** Structured output wants every object closed. */
function checkClosed(schema: unknown, where: string): void {
  if (Array.isArray(schema)) {
    for (const child of schema) checkClosed(child, where);
    return;
  }
  if (!isObject(schema)) return;
  if (schema.type === 'object' && schema.additionalProperties !== false)
    throw invalid(`${where}: For 'object' type, 'additionalProperties' must be explicitly set to false`);
  for (const name of ['items', 'anyOf', 'allOf', 'oneOf']) checkClosed(schema[name], where);
  for (const name of ['properties', '$defs', 'definitions'])
    checkClosed(Object.values(isObject(schema[name]) ? schema[name] : {}), where);
}

function checkLength(model: string, pieces: Piece[]): void {
  const tokens = total(pieces);
  if (tokens > contextWindow(model))
    throw invalid(`prompt is too long: ${tokens} tokens > ${contextWindow(model)} maximum`);
}

/** What multiplies the price, in the words of the price list. */
function readDims(message: MessageBody): Charge['dims'] {
  const dims: Record<string, string> = {};
  if (message.speed === 'fast') dims.speed = 'fast';
  if (message.inference_geo && message.inference_geo !== 'global') dims.region = message.inference_geo;
  return Object.keys(dims).length > 0 ? dims : undefined;
}

function stamp(headers: Headers, context: SimulatorContext, seed: string): void {
  if (!headers.has('request-id')) headers.set('request-id', context.idFor('req_01', seed).slice(0, 28));
  const reset = new Date(context.now() + 60_000).toISOString().replace(/\.\d+Z$/, 'Z');
  for (const [name, limit] of [
    ['requests', 4_000],
    ['input-tokens', 2_000_000],
    ['output-tokens', 400_000],
    ['tokens', 2_400_000],
  ] as const) {
    headers.set(`anthropic-ratelimit-${name}-limit`, String(limit));
    headers.set(`anthropic-ratelimit-${name}-remaining`, String(limit - 1));
    headers.set(`anthropic-ratelimit-${name}-reset`, reset);
  }
  headers.set('anthropic-organization-id', '00000000-0000-4000-8000-000000000000');
}

const total = (pieces: Piece[]) => pieces.reduce((sum, piece) => sum + piece.tokens, 0);
