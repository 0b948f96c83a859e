import { lookup } from 'node:dns/promises';
import { GatewayError, isPrivateHost } from '../../contract/index.ts';

/** Milliseconds for the whole fetch. */
const deadline = 20_000;

/**
 * Fetches a URL that a caller gave: https only, no private address by name or by DNS, the checked address is the one connected to,
 * no redirects, `limit` bytes at most.
 */
export async function fetchPublic(text: string, limit: number): Promise<{ bytes: Uint8Array; mediaType: string }> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || url.username || isPrivateHost(url.hostname)) throw refused();
  const found = await lookup(url.hostname.replace(/^\[|\]$/g, ''), { all: true }).catch(() => []);
  const address = found[0];
  if (!address || found.some((one) => isPrivateHost(one.address))) throw refused();
  const { Agent, request } = await import('undici');
  const agent = new Agent({
    connect: {
      timeout: 5_000,
      lookup: (_host, _options, done) => done(null, [{ address: address.address, family: address.family }] as never, 0),
    },
  });
  try {
    const answer = await request(url, { dispatcher: agent, signal: AbortSignal.timeout(deadline) });
    if (answer.statusCode !== 200) throw refused(`The input URL answered ${answer.statusCode}.`);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > limit) throw new GatewayError('payload_too_large', 'The input behind the URL is too large.');
      chunks.push(chunk);
    }
    return {
      bytes: Buffer.concat(chunks),
      mediaType: String(answer.headers['content-type'] ?? '').split(';')[0] ?? '',
    };
  } catch (thrown) {
    throw thrown instanceof GatewayError ? thrown : refused('The input URL could not be fetched.');
  } finally {
    await agent.close();
  }
}

function refused(message = 'The input URL is not fetched: it must be a public https address.'): GatewayError {
  return new GatewayError('invalid_request', { message, param: 'input' });
}
