import type { JsonObject } from '../../../src/contract/index.ts';
import { toBase64 } from '../base64.ts';
import { type SimulatorContext, stableHex } from '../simulator.ts';
import type { Task } from '../tasks.ts';

/** What deliveries are signed with, as GET /webhooks/default/secret shows it. */
export function webhookSecret({ seed }: Pick<SimulatorContext, 'seed'>): string {
  return `whsec_${btoa(stableHex(`${seed}|replicate|webhook`))}`;
}

/** A delivery: the prediction, signed by Standard Webhooks. https://replicate.com/docs/topics/webhooks/verify-webhook */
export async function writeWebhook(
  { id, state }: Task<unknown>,
  prediction: JsonObject,
  context: Pick<SimulatorContext, 'seed' | 'now'>,
): Promise<RequestInit> {
  const body = JSON.stringify(prediction);
  const name = `msg_${stableHex(`${context.seed}|${id}|${state}`)}`;
  const timestamp = String(Math.floor(context.now() / 1000));
  const secret = Uint8Array.from(atob(webhookSecret(context).slice(6)), (letter) => letter.charCodeAt(0));
  const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const signed = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(`${name}.${timestamp}.${body}`));
  const signature = `v1,${toBase64(new Uint8Array(signed))}`;
  const headers = {
    'content-type': 'application/json',
    'webhook-id': name,
    'webhook-timestamp': timestamp,
    'webhook-signature': signature,
  };
  return { headers, body };
}
