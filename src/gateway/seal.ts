import type { BookClient } from '../books/index.ts';
import {
  type DialectName,
  dialectNames,
  encodeBase64,
  GatewayError,
  isObject,
  type Json,
  type JsonObject,
  type Opaque,
} from '../contract/index.ts';
import { decodeBase64 } from '../dialects/shared.ts';
import { type Mac, macOf } from './mac.ts';

/** State of one part on its way through a client that speaks another dialect, with what is needed to find that part again. */
export type Sealed = {
  opaque: Opaque;
  kind: 'reasoning' | 'text' | 'tool_call' | 'asset';
  redacted?: true;
  /** The tool call's id. */
  id?: string;
  /** How many characters of text the state covers: a client may bring the text back in pieces. */
  length?: number;
  /** Where that text begins in a message whose texts are one string. */
  start?: number;
};

/** Signs opaque state for its way through a client, and checks what comes back. One for each tenant. */
export type Sealer = {
  /** `atl1.<owner>.<base64url of JSON>.<mac>`. Throws GatewayError `provider_garbage` for state of more than 8 MB. */
  seal(sealed: Sealed): Promise<string>;
  /** Throws GatewayError `invalid_request`, naming the field `where` it stands, for anything that `seal` did not make for this tenant. */
  unseal(seal: string, where?: () => string): Promise<Sealed>;
};

const prefix = 'atl1.';
/** Characters. Provider state is some kilobytes; what is larger is not state. */
const largestSeal = 8 * 1024 * 1024;
const sealers = new WeakMap<BookClient, Sealer>();

export function sealerOf(book: BookClient): Sealer {
  const known = sealers.get(book);
  if (known) return known;
  const sealer = sealerWith(macOf(book, 'opaque_secret'));
  sealers.set(book, sealer);
  return sealer;
}

/** True for what claims to be a seal; only `unseal` knows whether it is one. */
export function looksSealed(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith(prefix);
}

/** True if a JSON text may hold a seal, as itself or (in Gemini's byte fields) as base64. */
export function mayHoldSeals(text: string): boolean {
  return text.includes('"atl1.') || text.includes('"YXRsMS');
}

export function sealerWith(mac: Mac): Sealer {
  return {
    seal: async ({ opaque, ...about }) => {
      const body: JsonObject = { ...about, data: opaque.data };
      const words = encodeBase64(new TextEncoder().encode(JSON.stringify(body)));
      const text = `${prefix}${opaque.owner}.${words.replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')}`;
      if (text.length > largestSeal - 65) {
        throw new GatewayError('provider_garbage', 'The provider sent state that is too large to be kept.');
      }
      return `${text}.${await mac.sign(text)}`;
    },
    unseal: async (seal, where) => {
      const end = seal.lastIndexOf('.');
      const genuine =
        looksSealed(seal) && seal.length <= largestSeal && (await mac.verify(seal.slice(0, end), seal.slice(end + 1)));
      const read = genuine ? readSeal(seal.slice(prefix.length, end)) : undefined;
      if (read) return read;
      const param = where?.();
      const message = `${param ? `"${param}" holds` : 'This is'} state that was changed, or not given out by this gateway to this account.`;
      throw new GatewayError('invalid_request', { message, ...(param ? { param } : {}) });
    },
  };
}

/** What stands between the prefix and the mac: ours, but maybe of another version. */
function readSeal(text: string): Sealed | undefined {
  const [owner, words = ''] = text.split('.');
  const bytes = decodeBase64(words);
  if (!bytes || !dialectNames.includes(owner as DialectName)) return undefined;
  const body = JSON.parse(new TextDecoder().decode(bytes)) as Json;
  if (!isObject(body)) return undefined;
  const { data = null, ...about } = body;
  return { ...(about as Omit<Sealed, 'opaque'>), opaque: { owner: owner as DialectName, data } };
}
