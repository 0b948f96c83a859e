import type { Context } from 'hono';
import type { Delivery } from '../books/index.ts';
import { GatewayError, type JsonObject } from '../contract/index.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { webhookSecret } from '../gateway/webhook-signature.ts';
import { isOwnWebhook } from '../gateway/webhook-url.ts';
import { errorAnswer, jsonAnswer } from './answer.ts';
import type { Doors } from './generations.ts';

/** How many deliveries and dead letters a list shows. */
const shown = 100;

/**
 * `POST /webhooks/{tenant}/{attempt}/{mac}`: a provider says that a job has moved on. The address proves that it was told by us; what it
 * says is not believed: the job is asked about now instead of later. Doubled, late, forged and reordered deliveries change nothing.
 */
export function webhookDoor(gateway: Gateway) {
  return async function answerWebhook(c: Context): Promise<Response> {
    try {
      const { tenant = '', attempt = '', mac = '' } = c.req.param() as Record<string, string>;
      const book = gateway.books.of(tenant);
      if (!(await isOwnWebhook(book, attempt, mac))) throw unknown();
      await c.req.raw.body?.cancel();
      if (await book.nudge(attempt, gateway.clock.now())) gateway.wake.arm(tenant);
      return new Response(null, { status: 204 });
    } catch (thrown) {
      // Which tenants there are is nobody's business.
      return errorAnswer(thrown instanceof GatewayError && thrown.code === 'invalid_api_key' ? unknown() : thrown);
    }
  };
}

function unknown(): GatewayError {
  return new GatewayError('invalid_api_key', 'This address was not given out by the gateway.');
}

/** `GET /v1/webhook_deliveries?generation=` (admin): what was sent to apps, newest first. */
export function listDeliveries({ gateway, authenticator }: Doors) {
  return async function answerDeliveries(c: Context): Promise<Response> {
    try {
      const book = gateway.books.of(await authenticator.admin(c));
      const rows = await book.listDeliveries(shown, c.req.query('generation'));
      return jsonAnswer(c, { object: 'list', data: rows.map(viewDelivery) });
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

/** `POST /v1/webhook_deliveries/{id}/redeliver` (admin): sends one again, from the first try. */
export function redeliver({ gateway, authenticator }: Doors) {
  return async function answerRedelivery(c: Context): Promise<Response> {
    try {
      const tenant = await authenticator.admin(c);
      const id = c.req.param('id') ?? '';
      const found = await gateway.books.of(tenant).deliverAgain(id, gateway.clock.now());
      if (!found) throw new GatewayError('not_found', { message: `No delivery is called "${id}".`, param: 'id' });
      gateway.wake.arm(tenant);
      return jsonAnswer(c, { id, object: 'webhook_delivery', state: 'pending' }, 202);
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

/** `GET /v1/webhook_secret` (admin): what apps verify deliveries with, by any Standard Webhooks library. */
export function readWebhookSecret({ gateway, authenticator }: Doors) {
  return async function answerSecret(c: Context): Promise<Response> {
    try {
      const book = gateway.books.of(await authenticator.admin(c));
      return jsonAnswer(c, { object: 'webhook_secret', secret: await webhookSecret(book) });
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

/** `GET /v1/dead_letters` (admin): jobs that were given up because looking at them never came back. */
export function listDeadLetters({ gateway, authenticator }: Doors) {
  return async function answerDeadLetters(c: Context): Promise<Response> {
    try {
      const letters = await gateway.books.of(await authenticator.admin(c)).deadLetters(shown);
      const data = letters.map(({ attemptId, generationId, at, reason }) => ({
        id: attemptId,
        object: 'dead_letter',
        generation: generationId,
        at: Math.floor(at / 1000),
        reason,
      }));
      return jsonAnswer(c, { object: 'list', data });
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

function viewDelivery({ id, event, url, generationId, state, tries, answer, at, due }: Delivery): JsonObject {
  return {
    id,
    object: 'webhook_delivery',
    event,
    url,
    generation: generationId ?? null,
    state,
    tries,
    answer: answer ?? null,
    created_at: Math.floor(at / 1000),
    next_try_at: state === 'pending' ? Math.floor(due / 1000) : null,
  };
}
