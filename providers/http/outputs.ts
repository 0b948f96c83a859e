import {
  type AssetPart,
  type Call,
  errorOfThrow,
  GatewayError,
  type Json,
  type Part,
} from '../../src/contract/index.ts';
import { bytesOf, decodeBase64, mediaTypeOf } from '../shared/bytes.ts';
import { needsCredential } from './credential.ts';
import { exchange, inPath, type Upstream } from './exchange.ts';
import { findAll } from './pointer.ts';
import type { HttpOutput, HttpWay } from './row.ts';
import { fillText } from './template.ts';

/** The outputs of a finished job, in the order of the row. */
export async function outputsOf(
  upstream: Upstream,
  call: Call,
  way: HttpWay,
  answer: Json | undefined,
): Promise<Part[]> {
  const parts: Part[] = [];
  for (const output of way.outputs ?? []) {
    for (const found of findAll(answer, output.pointer)) {
      const part = await partOf(upstream, call, output, found);
      if (part) parts.push(part);
    }
  }
  return parts;
}

/** How many media an answer shows, without fetching any. */
export function countOutputs(way: HttpWay, answer: Json | undefined): number {
  const media = (way.outputs ?? []).filter(({ as }) => as !== 'text');
  return media.reduce(
    (count, { pointer }) => count + findAll(answer, pointer).filter((found) => found !== '').length,
    0,
  );
}

/** Media that came as the answer itself. */
export async function outputOfResponse({ id }: Upstream, call: Call, response: Response): Promise<AssetPart[]> {
  const whole = await response.arrayBuffer().catch((thrown: unknown): never => {
    throw errorOfThrow(id, thrown, call.signal);
  });
  const bytes = new Uint8Array(whole);
  const mediaType = mediaTypeOf(bytes) ?? response.headers.get('content-type')?.split(';')[0] ?? unknownType;
  return bytes.length === 0 ? [] : [{ type: 'asset', asset: { mediaType, bytes } }];
}

const unknownType = 'application/octet-stream';

async function partOf(upstream: Upstream, call: Call, output: HttpOutput, found: Json): Promise<Part | undefined> {
  const mediaType = output.media_type ?? unknownType;
  const asset = (given: AssetPart['asset']): AssetPart => ({ type: 'asset', asset: given });
  if (output.as === 'path') return asset(await belowBase(upstream, call, output.path ?? '', found, mediaType));
  if (typeof found !== 'string' || found === '') return undefined;
  if (output.as === 'text') return { type: 'text', text: found };
  if (output.as === 'url' && !found.startsWith('data:')) {
    if (!/^https?:\/\/\S+$/.test(found) || !URL.canParse(found))
      throw unusable(upstream, 'an output without an address');
    return asset({ mediaType, url: found });
  }
  try {
    const url = found.startsWith('data:') ? found : `data:;base64,${found}`;
    const bytes = found.startsWith('data:') ? await bytesOf({ mediaType, url }, 'output') : decodeBase64(found);
    return asset({ mediaType: mediaTypeOf(bytes) ?? mediaType, bytes });
  } catch {
    throw unusable(upstream, 'an output that is not base64');
  }
}

/** A file of the vendor below its base URL: by its address, or as a stream where fetching it needs the key. */
async function belowBase(upstream: Upstream, call: Call, path: string, item: Json, mediaType: string) {
  const lookup = (name: string) => (name === 'item' ? item : findAll(item, `/${name.slice(5)}`)[0]);
  const filled = fillText(path, lookup, inPath);
  if (filled === undefined) throw unusable(upstream, 'an output without its name');
  if (!needsCredential(upstream, call)) return { mediaType, url: call.baseUrl + filled };
  const { response } = await exchange(upstream, call, { path: filled }, () => undefined, 'output', true).catch(
    gone(upstream),
  );
  if (!response?.body) throw unusable(upstream, 'an output that is not a file');
  return { mediaType: response.headers.get('content-type')?.split(';')[0] ?? mediaType, stream: response.body };
}

/** A file that is not there (any more) was made all the same. */
function gone(upstream: Upstream) {
  return (thrown: unknown): never => {
    const status = thrown instanceof GatewayError ? thrown.details.status : undefined;
    if (status !== 404 && status !== 410) throw thrown;
    throw unusable(upstream, 'an output that cannot be fetched (any more)');
  };
}

function unusable({ id }: Upstream, what: string): GatewayError {
  return new GatewayError('invalid_output', {
    message: `${id} made ${what}.`,
    provider: id,
    failure: 'C',
    billing: 'unknown',
  });
}
