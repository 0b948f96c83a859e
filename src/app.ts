import type { Context } from 'hono';
import { Hono } from 'hono';
import { type Dialect, GatewayError, type Price } from './contract/index.ts';
import type { Gateway } from './gateway/gateway.ts';
import type { UsageReader } from './gateway/price-object.ts';
import { errorAnswer } from './http/answer.ts';
import { createAuthenticator } from './http/authenticate.ts';
import type { Doors } from './http/generations.ts';
import { healthOf } from './http/health.ts';
import type { RetellArguments } from './http/idempotent.ts';
import { lazy } from './http/lazy.ts';
import { paid, paidLane } from './http/paid.ts';
import { textAnswers, textDoor } from './http/text-door.ts';
import type { Lane, Lifetime } from './runtime/ports.ts';

export type AppOptions = {
  gateway: Gateway;
  prices: readonly Price[];
  /** Reads any provider's raw usage, for POST /v1/price. */
  readUsage: UsageReader;
  /** Hex SHA-256 of the admin key; undefined closes the admin plane. */
  adminHash: string | undefined;
  adminTenant: string;
  lifetimeOf: (c: Context) => Lifetime;
};

const methods = ['GET', 'POST', 'DELETE'];

/** The whole HTTP surface: the only place where doors are hung. Some of them are lanes, too, by their path. */
export function createApp(options: AppOptions): { app: Hono; lanes: ReadonlyMap<string, Lane> } {
  const { gateway, lifetimeOf } = options;
  const authenticator = createAuthenticator(gateway, options.adminHash, options.adminTenant);
  const doors: Doors = { gateway, authenticator, lifetimeOf };
  const app = new Hono();

  app.get('/healthz', (c) => {
    const { status, body } = healthOf(gateway);
    return c.body(body, status, { 'content-type': 'application/json' });
  });
  const generations = () => import('./http/generations.ts');
  app.post(
    '/v1/generations',
    lazy(async () => {
      const { createGeneration, retellGeneration } = await generations();
      const retell = (...given: RetellArguments) => retellGeneration(doors, ...given);
      return paid(doors, createGeneration(doors), undefined, retell);
    }),
  );
  app.get(
    '/v1/generations',
    lazy(async () => (await generations()).listGenerations(doors)),
  );
  app.get(
    '/v1/generations/:id',
    lazy(async () => (await generations()).readGeneration(doors)),
  );
  const cancel = lazy(async () => (await generations()).cancelGeneration(doors));
  app.delete(
    '/v1/generations/:id',
    lazy(async () => (await generations()).removeGeneration(doors)),
  );
  app.post('/v1/generations/:id/cancel', cancel);
  const lanes = hangTextDoors(app, doors);

  const models = lazy(async () => (await import('./http/model-door.ts')).modelDoor(doors, options.prices));
  for (const version of ['/v1', '/v1beta']) {
    app.get(`${version}/models`, models);
    app.get(`${version}/models/*`, models);
  }
  app.get(
    '/v1/spend',
    lazy(async () => (await import('./http/spend-door.ts')).spendDoor(doors)),
  );
  app.post(
    '/v1/reconcile',
    lazy(async () => (await import('./http/reconcile-door.ts')).reconcileDoor(doors)),
  );
  const price = async () => (await import('./http/price-door.ts')).priceDoor(doors, options.readUsage);
  app.post('/v1/price', lazy(price));
  app.post(
    '/v1/quote',
    lazy(async () => (await import('./http/quote-door.ts')).quoteDoor(doors)),
  );
  const forecasts = async () => (await import('./http/forecast-door.ts')).forecastDoor(doors, options.prices);
  app.post('/v1/forecast', lazy(forecasts));
  const keys = () => import('./http/key-door.ts');
  app.post(
    '/v1/keys',
    lazy(async () => (await keys()).createKeyDoor(doors)),
  );
  app.get(
    '/v1/keys',
    lazy(async () => (await keys()).listKeysDoor(doors)),
  );
  app.delete(
    '/v1/keys/:id',
    lazy(async () => (await keys()).revokeKeyDoor(doors)),
  );
  const assets = async () => (await import('./http/asset-door.ts')).assetDoor(gateway);
  app.get('/assets/:id', lazy(assets));
  hangVideos(app, doors);
  hangPicturesAndSound(app, doors);
  hangOperations(app, doors);

  app.notFound(async (c) => {
    try {
      // Which routes exist is nobody's business without a key.
      await authenticator.callerOrAdmin(c);
      const others = methods.filter((method) => app.router.match(method, c.req.path)[0].length > 0);
      if (others.length === 0) throw new GatewayError('not_found', `There is no ${c.req.method} ${c.req.path}.`);
      const allow = others.join(', ');
      const refusal = new GatewayError('method_not_allowed', `${c.req.path} takes ${allow}.`);
      const answer = errorAnswer(refusal, undefined, dialectAt(gateway, c.req.path));
      answer.headers.set('allow', allow);
      return answer;
    } catch (thrown) {
      return errorAnswer(thrown, undefined, dialectAt(gateway, c.req.path));
    }
  });
  app.onError((thrown) => errorAnswer(thrown));
  return { app, lanes };
}

/** What an SDK understands that calls a path which is not there; our own envelope, a superset of OpenAI's, where this is undefined. */
function dialectAt({ dialects }: Gateway, path: string): Dialect | undefined {
  if (path.startsWith('/v1/messages')) return dialects['anthropic-messages'];
  return /^\/(v1beta|upload)\//.test(path) ? dialects.gemini : undefined;
}

/** OpenAI's videos, with any provider behind them. */
function hangVideos(app: Hono, doors: Doors): void {
  const videos = () => import('./http/video-doors.ts');
  const remixes = () => import('./http/video-remix-door.ts');
  const retell = async (...given: RetellArguments) => (await videos()).retellVideo(...given);
  const create = async () => paid(doors, (await videos()).createVideo(doors), undefined, retell);
  app.post('/v1/videos', lazy(create));
  const edit = async () => paid(doors, (await remixes()).editVideo(doors), undefined, retell);
  app.post('/v1/videos/edits', lazy(edit));
  const remix = async () => paid(doors, (await remixes()).remixVideo(doors), undefined, retell);
  app.post('/v1/videos/:id/remix', lazy(remix));
  const list = async () => (await videos()).listVideos(doors);
  app.get('/v1/videos', lazy(list));
  const read = async () => (await videos()).readVideo(doors);
  app.get('/v1/videos/:id', lazy(read));
  const content = async () => (await videos()).readVideoContent(doors);
  app.get('/v1/videos/:id/content', lazy(content));
  const remove = async () => (await videos()).removeVideo(doors);
  app.delete('/v1/videos/:id', lazy(remove));
}

/** OpenAI's images, speech, transcriptions and translations, with any provider behind them. */
function hangPicturesAndSound(app: Hono, doors: Doors): void {
  const { 'openai-chat': chat } = doors.gateway.dialects;
  const images = (door: 'image_generation' | 'image_edit') =>
    lazy(async () => {
      const { imageDoor, retellImages } = await import('./http/image-door.ts');
      return paid(doors, imageDoor(doors, chat, door), chat, retellImages(doors, chat, door));
    });
  app.post('/v1/images/generations', images('image_generation'));
  app.post('/v1/images/edits', images('image_edit'));
  app.post(
    '/v1/audio/speech',
    lazy(async () => {
      const { retellSpeech, speechDoor } = await import('./http/speech-door.ts');
      return paid(doors, speechDoor(doors, chat), chat, retellSpeech(doors, chat));
    }),
  );
  const transcripts = (translating: boolean) =>
    lazy(async () => {
      const { retellTranscript, transcriptionDoor } = await import('./http/transcription-door.ts');
      const retell = retellTranscript(doors, chat, translating);
      return paid(doors, transcriptionDoor(doors, chat, translating), chat, retell);
    });
  app.post('/v1/audio/transcriptions', transcripts(false));
  app.post('/v1/audio/translations', transcripts(true));
}

/** Budgets and webhooks: rarely used, so loaded when they are. */
function hangOperations(app: Hono, doors: Doors): void {
  const budgets = () => import('./http/budget-doors.ts');
  app.post(
    '/v1/budgets',
    lazy(async () => (await budgets()).createBudget(doors)),
  );
  app.get(
    '/v1/budgets',
    lazy(async () => (await budgets()).listBudgets(doors)),
  );
  app.delete(
    '/v1/budgets/:id',
    lazy(async () => (await budgets()).removeBudget(doors)),
  );
  const webhooks = () => import('./http/webhook-doors.ts');
  app.post(
    '/webhooks/:tenant/:attempt/:mac',
    lazy(async () => (await webhooks()).webhookDoor(doors.gateway)),
  );
  app.get(
    '/v1/webhook_deliveries',
    lazy(async () => (await webhooks()).listDeliveries(doors)),
  );
  app.post(
    '/v1/webhook_deliveries/:id/redeliver',
    lazy(async () => (await webhooks()).redeliver(doors)),
  );
  app.get(
    '/v1/webhook_secret',
    lazy(async () => (await webhooks()).readWebhookSecret(doors)),
  );
  app.get(
    '/v1/dead_letters',
    lazy(async () => (await webhooks()).listDeadLetters(doors)),
  );
}

/** The doors of the text SDKs, and the small surfaces that come with them. */
function hangTextDoors(app: Hono, doors: Doors): Map<string, Lane> {
  const { gateway, authenticator, lifetimeOf } = doors;
  const {
    'openai-chat': chat,
    'openai-responses': responses,
    'anthropic-messages': messages,
    gemini,
  } = gateway.dialects;
  const lanes = new Map<string, Lane>();
  const hang = (path: string, dialect: Dialect) => {
    const answer = textAnswers(gateway, authenticator, dialect);
    app.post(path, paid(doors, textDoor(answer, lifetimeOf), dialect));
    lanes.set(path, paidLane(answer));
  };
  hang('/v1/chat/completions', chat);
  const embeddings = async () => (await import('./http/embedding-door.ts')).embeddingDoor(doors, chat);
  app.post(
    '/v1/embeddings',
    lazy(async () => paid(doors, await embeddings(), chat)),
  );
  const counting = () => import('./http/count-doors.ts');
  app.post(
    '/v1/moderations',
    lazy(async () => (await counting()).moderationDoor(doors, chat)),
  );

  const responding = () => import('./http/response-doors.ts');
  const respond = async () => paid(doors, (await responding()).createResponseDoor(doors, responses), responses);
  app.post('/v1/responses', lazy(respond));
  const stored = async () => (await responding()).storedResponseDoors(doors, responses);
  app.get(
    '/v1/responses/:id',
    lazy(async () => (await stored()).read),
  );
  app.delete(
    '/v1/responses/:id',
    lazy(async () => (await stored()).remove),
  );
  app.post(
    '/v1/responses/:id/cancel',
    lazy(async () => (await stored()).cancel),
  );
  app.get(
    '/v1/responses/:id/input_items',
    lazy(async () => (await stored()).inputItems),
  );

  hang('/v1/messages', messages);
  app.post(
    '/v1/messages/count_tokens',
    lazy(async () => (await counting()).messagesCountDoor(doors, messages)),
  );

  const generate = lazy(async () =>
    paid(doors, (await import('./http/gemini-door.ts')).geminiDoor(doors, gemini), gemini),
  );
  app.post('/v1/models/*', generate);
  app.post('/v1beta/models/*', generate);
  return lanes;
}

/** What a gateway that is shutting down answers to anything new. Outside of the app, so that no request pays for the question. */
export function answerClosed(request: Request): Response {
  if (new URL(request.url).pathname === '/healthz') return Response.json({ status: 'draining' }, { status: 503 });
  return errorAnswer(
    new GatewayError('shutting_down', { message: 'The gateway is shutting down.', retryAfterMs: 5_000 }),
  );
}
