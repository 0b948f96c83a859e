import type { Delivery } from '../books/index.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { viewGeneration } from '../gateway/view.ts';
import { signWebhook, webhookSecret } from '../gateway/webhook-signature.ts';
import type { Owner } from './look.ts';

/** Milliseconds after the first failed try, the second, …: after the last one a delivery is given up. */
const pauses = [5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000];
const answerWithin = 15_000;
/** What is read of a receiver's answer. */
const mostAnswer = 64 * 1024;

/** Sends one webhook, signed. Told is what was answered with 2xx; 410 says that nobody wants it any more. */
export async function deliver(gateway: Gateway, owner: Owner, delivery: Delivery): Promise<void> {
  const { id, tries } = delivery;
  const body = await bodyOf(gateway, owner, delivery);
  const answer = body === undefined ? 'gone' : await send(gateway, owner, delivery, body);
  if (/^2\d\d$/.test(answer)) return owner.book.delivered(id, 'delivered', answer);
  const pause = pauses[tries - 1];
  if (pause === undefined || answer === '410' || answer === 'gone') return owner.book.delivered(id, 'failed', answer);
  return owner.book.delivered(id, 'pending', answer, gateway.clock.now() + pause);
}

async function bodyOf(gateway: Gateway, owner: Owner, delivery: Delivery): Promise<string | undefined> {
  const { generationId, origin, event } = delivery;
  if (!generationId) return delivery.body;
  const record = await owner.book.generation(generationId);
  if (!record) return undefined;
  const data = await viewGeneration(record, owner.book, origin, gateway.clock.now());
  return JSON.stringify({ type: event, timestamp: new Date(delivery.at).toISOString(), data });
}

/** The answer's status, or in one word why there is none. */
async function send(gateway: Gateway, owner: Owner, delivery: Delivery, body: string): Promise<string> {
  const signed = await signWebhook(await webhookSecret(owner.book), delivery.id, body, gateway.clock.now());
  try {
    const answer = await gateway.openUrl(delivery.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...signed },
      body,
      limit: mostAnswer,
      redirects: 0,
      headersTimeout: answerWithin,
      totalTimeout: answerWithin,
    });
    await answer.body.cancel();
    return String(answer.status);
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message.slice(0, 200) : 'unreachable';
  }
}
