import { Hono } from 'hono';
import type { Price } from '../../../src/contract/index.ts';
import type { SimulatorContext, SimulatorHandler } from '../simulator.ts';
import { stableHex } from '../simulator.ts';
import { chat } from './chat.ts';
import { directed } from './directed.ts';
import { embeddings } from './embeddings.ts';
import { kindOf, modelIds, modelNotFound } from './models.ts';
import type { Quirks } from './quirks.ts';
import { type Desk, secondsOf, WireError } from './wire.ts';

export type Endpoint = (desk: Desk, request: Request) => Promise<Response>;

/** Where a path begins below any base URL's prefix. */
const known =
  /\/(v2\/(?:chat|embed|rerank)|(?:chat|fim|agents)\/completions|responses|images|audio|embeddings|models|moderations)(\/|$)/;

/**
 * The routes of an OpenAI-shaped upstream.
 * @param more endpoints beside chat, embeddings and models, by path: POST unless the key begins with another method, `GET /path`.
 */
export function routes(
  context: SimulatorContext,
  quirks: Quirks,
  prices: Price[],
  more: Record<string, Endpoint> = {},
): SimulatorHandler {
  const desk: Desk = { ...context, quirks, seen: new Map(), stored: new Map() };
  const app = new Hono({ getPath: (request) => below(new URL(request.url).pathname) });
  app.use('*', async (c, next) => {
    authorise(c.req.raw, quirks);
    await next();
  });
  app.post('/chat/completions', (c) => chat(desk, c.req.raw));
  if (quirks.embeddingLength) app.post('/embeddings', (c) => directed(embeddings)(desk, c.req.raw));
  app.get('/models', () => {
    const data = modelIds(context.id, prices).map((id) => describe(desk, id));
    return Response.json({ object: 'list', data });
  });
  app.get('/models/:id{.+}', (c) => {
    const id = c.req.param('id');
    if (quirks.strict && !kindOf(id)) throw modelNotFound(id);
    return Response.json(describe(desk, id));
  });
  for (const [key, endpoint] of Object.entries(more)) {
    const [method = 'POST', path = key] = key.includes(' ') ? key.split(' ') : [];
    app.on(method, path, (c) => endpoint(desk, c.req.raw));
  }
  app.notFound((c) => {
    const { method, url } = c.req.raw;
    return new WireError(404, `Invalid URL (${method} ${new URL(url).pathname})`).toResponse();
  });
  app.onError((error) => {
    if (error instanceof WireError) return error.toResponse();
    throw error;
  });
  return {
    handle: async (request) => {
      request.signal.throwIfAborted();
      return dressed(await app.fetch(request), request, desk);
    },
    writeError: (status, message, type) =>
      dressed(new WireError(status, message, { type, code: codeOf(status) }).toResponse(), undefined, desk),
    reset: () => {
      desk.seen.clear();
      desk.stored.clear();
    },
  };
}

function below(path: string): string {
  const found = known.exec(path);
  return found ? path.slice(found.index) : path;
}

function authorise(request: Request, quirks: Quirks): void {
  const key = /^Bearer\s+(\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
  if (!key && quirks.keyless) return;
  if (!key) {
    const message =
      "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).";
    throw new WireError(401, message);
  }
  if (!key.startsWith('sk-invalid')) return;
  throw new WireError(401, `Incorrect API key provided: ${key.slice(0, 8)}***.`, { code: 'invalid_api_key' });
}

function codeOf(status: number): string | undefined {
  if (status === 429) return 'rate_limit_exceeded';
  if (status === 401) return 'invalid_api_key';
  return status === 404 ? 'model_not_found' : undefined;
}

function describe(desk: Desk, id: string) {
  return { id, object: 'model', created: secondsOf(desk), owned_by: desk.id };
}

/** The headers that every answer has. The figures are fixed: a simulator has no limits. */
function dressed(response: Response, request: Request | undefined, desk: Desk): Response {
  const { headers } = response;
  const client = request?.headers.get('x-client-request-id') ?? '';
  headers.set('x-request-id', `req_${stableHex(`${desk.seed}|${request?.url}|${client}`)}`);
  headers.set('openai-processing-ms', '21');
  headers.set('openai-version', '2020-10-01');
  headers.set('x-ratelimit-limit-requests', '10000');
  headers.set('x-ratelimit-limit-tokens', '2000000');
  headers.set('x-ratelimit-remaining-requests', '9999');
  headers.set('x-ratelimit-remaining-tokens', '1999000');
  headers.set('x-ratelimit-reset-requests', '6ms');
  headers.set('x-ratelimit-reset-tokens', '30ms');
  return response;
}
