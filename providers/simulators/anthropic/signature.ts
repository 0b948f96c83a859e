import { stableHex } from '../simulator.ts';

/** The opaque proof that a thinking block came from this vendor, bound to its words. */
export function sign(seed: string, thinking: string): string {
  const words = stableHex(`thinking|${thinking}`);
  return btoa(`sim1.${words}.${stableHex(`${seed}|signature|${words}`)}`);
}

/** True for a signature of ours over these words; a block shown empty (`display: omitted`) proves only its origin. */
export function verify(seed: string, thinking: string, signature: string): boolean {
  let plain: string;
  try {
    plain = atob(signature);
  } catch {
    return false;
  }
  const [version, words, proof] = plain.split('.');
  if (version !== 'sim1' || proof !== stableHex(`${seed}|signature|${words}`)) return false;
  return thinking === '' || words === stableHex(`thinking|${thinking}`);
}
