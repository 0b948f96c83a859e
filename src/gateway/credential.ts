/** live: an app's virtual key. admin: the operator's, another plane. */
export type KeyKind = 'live' | 'admin';
export type Credential = { kind: KeyKind; tenant: string };

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const shape = /^atl_(live|admin)_([a-z0-9-]{1,40})_([0-9A-Za-z]{43})_([0-9a-f]{8})$/;

/** A new key: prefix, tenant, 43 random letters (256 bits) and a checksum, so that scanners and typos are caught offline. */
export function makeKey(kind: KeyKind, tenant: string): string {
  let secret = '';
  while (secret.length < 43) {
    for (const byte of crypto.getRandomValues(new Uint8Array(64))) {
      // 248 = 4 × 62: larger values would favour some letters.
      if (byte < 248 && secret.length < 43) secret += alphabet[byte % 62];
    }
  }
  const body = `atl_${kind}_${tenant}_${secret}`;
  return `${body}_${checksum(body)}`;
}

/** Whose key this claims to be, or undefined if its form or checksum is wrong. No database is asked. */
export function readKey(text: string): Credential | undefined {
  const match = shape.exec(text);
  if (!match || checksum(text.slice(0, -9)) !== match[4]) return undefined;
  return { kind: match[1] as KeyKind, tenant: match[2]! };
}

/** What may be shown of a key. */
export function hintOf(key: string): string {
  return `${key.slice(0, key.lastIndexOf('_') - 43)}…${key.slice(-13, -9)}`;
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** CRC-32 of ASCII text as 8 hex digits. */
function checksum(text: string): string {
  let crc = 0xffffffff;
  for (let index = 0; index < text.length; index++) {
    crc = (crc >>> 8) ^ table[(crc ^ text.charCodeAt(index)) & 0xff]!;
  }
  return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, '0');
}
