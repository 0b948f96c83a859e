import { Hono } from 'hono';
import type { Json, JsonObject } from '../../src/contract/index.ts';
import { isObject } from '../../src/contract/index.ts';
import { lazyBody } from './anthropic/body.ts';
import { makeMusic, makeSpeech } from './google/audio-answer.ts';
import type { Content } from './google/contents.ts';
import { detailsOf, textOf, totalOf } from './google/contents.ts';
import { directiveOf, redirected } from './google/directed.ts';
import { type EmbedBody, embed, embedUsage } from './google/embeddings.ts';
import { badField, errorResponse, invalid, Refused } from './google/errors.ts';
import { echoes, readMessage } from './google/fields.ts';
import { makeImage } from './google/image-answer.ts';
import { Interactions, problem } from './google/interactions.ts';
import type { MadeCandidate } from './google/made.ts';
import { type Kind, listModels, modelInfo, requireModel } from './google/models.ts';
import { blockedReply, inputCharges, plainReply, streamedReply } from './google/reply.ts';
import {
  checkLength,
  checkRequest,
  countInput,
  type GenerateBody,
  ImplicitCache,
  readPrompt,
} from './google/request.ts';
import { makeText } from './google/text-answer.ts';
import { loopback } from './requests.ts';
import {
  createSimulator,
  type Simulator,
  type SimulatorContext,
  type SimulatorHandler,
  type SimulatorOptions,
} from './simulator.ts';
import { taskFaultIn } from './tasks.ts';

/** One call: `models/{model}:{method}` under `v1` or `v1beta`. */
type Asked = { request: Request; version: string; model: string; method: string; body: JsonObject; text: string };

/**
 * The Gemini API, simulated on v1 and v1beta: text, images, speech, transcription, songs, embeddings, counting, models, and
 * videos as interactions with their files.
 * Directives in the user's text: `[[blocked]]` blocks the prompt (HTTP 200 without candidates), `[[safety]]` stops the answer; where
 * faults are allowed, those of `google/directed.ts` choose how media calls end.
 * A key that starts with `invalid` is unknown.
 * @see https://ai.google.dev/api/generate-content
 */
export function google(options: SimulatorOptions = {}): Simulator {
  return createSimulator('google', make, options);
}

function make(context: SimulatorContext): SimulatorHandler {
  const cache = new ImplicitCache();
  const interactions = new Interactions(context);
  const app = new Hono({ getPath: (request) => vendorPath(new URL(request.url).pathname) });

  app.use('*', async (c, next) => {
    authenticate(c.req.raw);
    await next();
  });
  app.get('/:version/models', (c) => c.json(listModels(new URL(c.req.url).searchParams)));
  app.get('/:version/models/:id', (c) => c.json(modelInfo(c.req.param('id'))));
  app.post('/:version/models/:target', async (c) => {
    const target = decodeURIComponent(c.req.param('target'));
    const colon = target.lastIndexOf(':');
    const text = await c.req.text();
    const body = parse(text);
    const method = target.slice(colon + 1);
    const model = target.slice(0, Math.max(0, colon));
    const asked: Asked = { request: c.req.raw, version: c.req.param('version'), model, method, body, text };
    const kind = requireModel(model, method, asked.version);
    switch (method) {
      case 'generateContent':
      case 'streamGenerateContent':
        return generate(context, cache, asked, kind);
      case 'countTokens':
        return count(asked);
      default:
        return embeddings(context, asked);
    }
  });
  app.post('/:version/interactions', async (c) => {
    const text = await c.req.text();
    try {
      return interactions.create(parse(text), text, baseOf(c.req.raw, context), c.req.raw);
    } catch (thrown) {
      if (!(thrown instanceof Refused)) throw thrown;
      return problem(thrown.status, thrown.status === 404 ? 'not_found' : 'invalid_request', thrown.message);
    }
  });
  app.get('/:version/interactions/:id', (c) => interactions.look(c.req.param('id')));
  app.post('/:version/interactions/:id/cancel', (c) => interactions.cancel(c.req.param('id')));
  app.get('/:version/files/:name', (c) => {
    const [name = '', verb] = c.req.param('name').split(':');
    const facts = verb === undefined ? interactions.file(name) : undefined;
    const bytes = verb === 'download' ? interactions.download(name, c.req.raw) : undefined;
    if (facts) return c.json(facts);
    return bytes ?? errorResponse(403, `You do not have permission to access the File ${name} or it may not exist.`);
  });
  app.notFound(() => errorResponse(404, 'Requested entity was not found.'));
  app.onError((thrown) =>
    thrown instanceof Refused
      ? errorResponse(thrown.status, thrown.message, thrown.code, thrown.details)
      : errorResponse(500, `An internal error has occurred: ${thrown.message}`),
  );
  return {
    handle: async (request) => app.fetch(request),
    writeError: errorResponse,
    reset: () => {
      cache.clear();
      interactions.clear();
    },
  };
}

function generate(context: SimulatorContext, cache: ImplicitCache, asked: Asked, kind: Kind): Response {
  const { model, request } = asked;
  const body = readMessage('GenerateContentRequest', asked.body) as GenerateBody;
  checkRequest(body, model, kind, context.seed);
  checkLength(model, kind, countInput(model, body));
  const id = context.idFor('', model, asked.text);
  const fault = directiveOf(context, kind, request, body.contents);
  const said = [body.systemInstruction, ...(body.contents ?? [])].some((one) => textOf(one).includes('[[blocked]]'));
  const blocked = said || fault === 'filtered';
  const made = blocked ? [] : makeCandidates(body, model, kind, context.seed, id);
  const candidates = made.map((candidate) => redirected(candidate, fault));

  const streamed = asked.method === 'streamGenerateContent';
  const input = cache.use(model, body);
  const tier = body.serviceTier === 'unspecified' ? undefined : body.serviceTier;
  const dims = tier && tier !== 'standard' ? { service_tier: tier } : undefined;
  const call = context.bill.add({
    client: request.headers.get('x-client-request-id') ?? undefined,
    id,
    model,
    at: context.now(),
    charges: kind === 'music' ? [] : inputCharges(input, dims),
  });
  const head = { modelVersion: model, responseId: id, ...echoes(asked.body) };
  const reply = { input, candidates, head, call, ...(tier ? { tier } : {}) };
  if (!streamed) return json(blocked ? blockedReply(reply) : plainReply(reply));
  const chunks = blocked ? [blockedReply(reply)][Symbol.iterator]() : streamedReply(reply);
  const sse = new URL(request.url).searchParams.get('alt') === 'sse';
  return new Response(lazyBody(sse ? asEvents(chunks) : asArray(chunks), context, request.signal), {
    headers: { 'content-type': sse ? 'text/event-stream' : 'application/json; charset=UTF-8' },
  });
}

function makeCandidates(body: GenerateBody, model: string, kind: Kind, seed: string, id: string): MadeCandidate[] {
  if (kind === 'image' && (body.generationConfig?.responseModalities ?? ['IMAGE']).includes('IMAGE'))
    return [makeImage(body, model, seed, id)];
  if (kind === 'speech') return [makeSpeech(body, seed)];
  if (kind === 'music') return [makeMusic(body, model, seed)];
  const prompt = readPrompt(body, model, seed);
  if (prompt.user.includes('[[safety]]')) return [{ parts: [], finishReason: 'SAFETY' }];
  // Signatures are sworn on the simulator's seed, so only the dice differ between candidates.
  return Array.from({ length: body.generationConfig?.candidateCount ?? 1 }, (_, index) =>
    makeText(
      body,
      index === 0 ? prompt : { ...prompt, context: prompt.context + ' '.repeat(index) },
      kind,
      id + (index || ''),
    ),
  );
}

function count(asked: Asked): Response {
  const body = readMessage('CountTokensRequest', asked.body) as {
    contents?: Content[];
    generateContentRequest?: GenerateBody;
  };
  const whole = body.generateContentRequest ?? { contents: body.contents };
  if (!whole.contents?.length) throw badField('contents', '* CountTokensRequest.contents: contents is not specified\n');
  const counts = countInput(asked.model, whole);
  return json({ totalTokens: totalOf(counts), promptTokensDetails: detailsOf(counts), ...echoes(asked.body) });
}

function embeddings(context: SimulatorContext, asked: Asked): Response {
  const batch = asked.method === 'batchEmbedContents';
  const body = readMessage(batch ? 'BatchEmbedContentsRequest' : 'EmbedContentRequest', asked.body);
  const requests = (batch ? (body.requests ?? []) : [body]) as EmbedBody[];
  for (const one of requests)
    if (one.model !== undefined && one.model.replace(/^models\//, '') !== asked.model)
      throw invalid(
        `* ${batch ? 'BatchEmbedContentsRequest.requests[0]' : 'EmbedContentRequest'}.model: model must match the path\n`,
      );
  const fault = taskFaultIn(context, requests.map((one) => textOf(one.content)).join('\n'), asked.request);
  if (fault === 'fail') throw new Refused(500, 'An internal error has occurred.');
  if (fault === 'filtered') throw new Refused(400, 'The content was blocked for safety reasons.');
  const { vectors, counts } = embed(requests, asked.model, context.seed);
  context.bill.add({
    client: asked.request.headers.get('x-client-request-id') ?? undefined,
    id: context.idFor('', asked.model, asked.text),
    model: asked.model,
    at: context.now(),
    charges: inputCharges({ counts, cached: {} }),
  });
  const made = fault === 'empty' ? [] : vectors.map((values) => ({ values }));
  const answer: JsonObject = batch ? { embeddings: made } : { embedding: made[0] ?? {} };
  return json({ ...answer, usageMetadata: embedUsage(counts), ...echoes(asked.body) });
}

const vendorPaths = /\/v1(?:beta|alpha)?\/(?:models(?:\/[^/]+)?|interactions(?:\/[^/]+(?:\/cancel)?)?|files\/[^/]+)$/;

/** The vendor's own path at the end of any prefix. */
function vendorPath(path: string): string {
  return vendorPaths.exec(path)?.[0] ?? path;
}

/** Where files are fetched: beside this API when it is reached over loopback. */
function baseOf(request: Request, context: SimulatorContext): string {
  const url = new URL(request.url);
  return loopback(request) ? url.origin + url.pathname.replace(vendorPaths, '') : context.publicUrl;
}

function authenticate(request: Request): void {
  const key = request.headers.get('x-goog-api-key') ?? new URL(request.url).searchParams.get('key');
  if (!key)
    throw new Refused(
      403,
      "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.",
    );
  if (key.startsWith('invalid'))
    throw new Refused(400, 'API key not valid. Please pass a valid API key.', undefined, [
      {
        '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
        reason: 'API_KEY_INVALID',
        domain: 'googleapis.com',
        metadata: { service: 'generativelanguage.googleapis.com' },
      },
    ]);
}

function parse(text: string): JsonObject {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (thrown) {
    throw badField('', `Invalid JSON payload received. ${(thrown as Error).message}`);
  }
  if (!isObject(body))
    throw badField('', 'Invalid JSON payload received. Unknown name "": Root element must be a message.');
  return body;
}

const json = (body: Json) => Response.json(body, { headers: { 'content-type': 'application/json; charset=UTF-8' } });

function* asEvents(chunks: Iterator<JsonObject>): Generator<string> {
  for (let next = chunks.next(); !next.done; next = chunks.next()) yield `data: ${JSON.stringify(next.value)}\n\n`;
}

/** The vendor's stream without `alt=sse`: one JSON array, an element at a time. */
function* asArray(chunks: Iterator<JsonObject>): Generator<string> {
  let opening = '[';
  for (let next = chunks.next(); !next.done; next = chunks.next()) {
    yield opening + JSON.stringify(next.value);
    opening = ',\r\n';
  }
  yield ']\n';
}
