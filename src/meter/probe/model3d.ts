import { has, little, type Probe } from './read.ts';

/** Binary glTF: magic, a known version and a length that has room for the header. */
export function probeGlb(bytes: Uint8Array): Probe | undefined {
  if (!has(bytes, 0, 'glTF') || bytes.length < 12) return undefined;
  const version = little(bytes, 4, 4);
  if (version < 1 || version > 2 || little(bytes, 8, 4) < 12) return undefined;
  return { mediaType: 'model/gltf-binary', kind: 'model3d' };
}
