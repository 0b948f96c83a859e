import { GatewayError, isPrivateHost } from '../../contract/index.ts';

/** Milliseconds for the whole fetch. */
const deadline = 20_000;

/** Fetches a URL that a caller gave: https only, no private literal, no redirects, `limit` bytes at most. The platform reaches no private network. */
export async function fetchPublic(text: string, limit: number): Promise<{ bytes: Uint8Array; mediaType: string }> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || url.username || isPrivateHost(url.hostname)) throw refused();
  let answer: Response;
  try {
    answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(deadline) });
  } catch {
    throw refused('The input URL could not be fetched.');
  }
  if (answer.status !== 200 || !answer.body) {
    await answer.body?.cancel();
    throw refused(`The input URL answered ${answer.status}.`);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > limit) throw new GatewayError('payload_too_large', 'The input behind the URL is too large.');
    chunks.push(chunk);
  }
  return {
    bytes: new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer()),
    mediaType: (answer.headers.get('content-type') ?? '').split(';')[0] ?? '',
  };
}

function refused(message = 'The input URL is not fetched: it must be a public https address.'): GatewayError {
  return new GatewayError('invalid_request', { message, param: 'input' });
}
