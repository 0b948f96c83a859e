import { fromBase64 as fromStandard } from '../base64.ts';

/** Bytes of standard or URL-safe base64; undefined where the text is neither. */
export function fromBase64(text: string): Uint8Array | undefined {
  return fromStandard(text.replaceAll('-', '+').replaceAll('_', '/'));
}
