/** The three `webhook-…` headers and the raw body of a delivery, as received. */
export type Delivery = { id: string; timestamp: string; signature: string; body: string };

const toleranceMs = 300_000;

/**
 * True when Replicate signed this delivery and it is at most five minutes off. Compares in constant time; replays within the
 * five minutes are the caller's to remember by `id`. https://replicate.com/docs/topics/webhooks/verify-webhook
 * @param secret `whsec_` and base64, from GET /v1/webhooks/default/secret.
 * @param now milliseconds since 1970.
 * @throws Error when the secret is empty or not base64: then every forged delivery would pass or none could.
 */
export async function verifyWebhook(delivery: Delivery, secret: string, now: number): Promise<boolean> {
  const secretBytes = fromBase64(secret.replace(/^whsec_/, ''));
  if (!secretBytes || secretBytes.length === 0) throw new Error('The webhook secret is empty or not base64.');
  const { id, timestamp, signature, body } = delivery;
  if (!id || !/^\d{1,12}$/.test(timestamp) || Math.abs(now - Number(timestamp) * 1000) > toleranceMs) return false;
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', secretBytes, algorithm, false, ['verify']);
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
  let valid = false;
  for (const candidate of signature.split(' ')) {
    const given = candidate.startsWith('v1,') ? fromBase64(candidate.slice(3)) : undefined;
    if (given && (await crypto.subtle.verify('HMAC', key, given, signed))) valid = true;
  }
  return valid;
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}
