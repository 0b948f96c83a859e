import type { BookClient } from '../books/index.ts';

/** Proves that a text is the gateway's own: HMAC-SHA-256 under a secret that the tenant's book keeps. */
export type Mac = {
  /** 64 hexadecimal digits. */
  sign(text: string): Promise<string>;
  /** In constant time; false for anything that is not 64 lower-case hexadecimal digits. */
  verify(text: string, mac: string): Promise<boolean>;
};

const encoder = new TextEncoder();

/** The mac under one setting of a book; the secret is made on first use. Throws what the book throws. */
export function macOf(book: BookClient, setting: string): Mac {
  let loading: Promise<CryptoKey> | undefined;
  const key = async () => {
    loading ??= loadKey(book, setting);
    try {
      return await loading;
    } catch (thrown) {
      loading = undefined;
      throw thrown;
    }
  };
  return {
    sign: async (text) => toHex(new Uint8Array(await crypto.subtle.sign('HMAC', await key(), encoder.encode(text)))),
    verify: async (text, mac) =>
      /^[0-9a-f]{64}$/.test(mac) && crypto.subtle.verify('HMAC', await key(), fromHex(mac), encoder.encode(text)),
  };
}

async function loadKey(book: BookClient, setting: string): Promise<CryptoKey> {
  const secret = await book.setting(setting, toHex(crypto.getRandomValues(new Uint8Array(32))));
  return crypto.subtle.importKey('raw', encoder.encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
    'verify',
  ]);
}

function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

function fromHex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: text.length / 2 }, (_, place) =>
    Number.parseInt(text.slice(place * 2, place * 2 + 2), 16),
  );
}
