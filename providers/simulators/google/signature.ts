import { stableHex } from '../simulator.ts';

/** Values the vendor documents for calls that another model made: https://ai.google.dev/gemini-api/docs/thought-signatures. */
const bypasses = ['skip_thought_signature_validator', 'context_engineering_is_the_way_to_go'];

/** The opaque thought behind a part; `kind` is what the part is: `text`, `image` or `call:<name>`. */
export function sign(seed: string, kind: string, material: string): string {
  const thought = stableHex(material);
  return btoa(`${thought}${stableHex(`${seed}|${kind}|${thought}`)}`);
}

/** True for a signature of ours on the kind of part it was given with. */
export function verify(seed: string, kind: string, signature: string): boolean {
  if (bypasses.includes(signature)) return true;
  try {
    const plain = atob(signature.replaceAll('-', '+').replaceAll('_', '/'));
    return bypasses.includes(plain) || plain.slice(32) === stableHex(`${seed}|${kind}|${plain.slice(0, 32)}`);
  } catch {
    return false;
  }
}
