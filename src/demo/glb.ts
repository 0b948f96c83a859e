type Accessor = { count?: number };
type Primitive = { indices?: number; mode?: number; attributes?: { POSITION?: number } };
type Scene = { accessors?: Accessor[]; meshes?: { primitives?: Primitive[] }[] };

/** Triangles of a binary glTF file, from its own description of its meshes. Undefined for anything else. */
export function trianglesOf(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (at: number) => (at + 4 <= bytes.length ? view.getUint32(at, true) : 0);
  // "glTF", then after the header a first chunk "JSON".
  if (word(0) !== 0x46546c67 || word(16) !== 0x4e4f534a) return undefined;
  let scene: Scene;
  try {
    scene = JSON.parse(new TextDecoder().decode(bytes.subarray(20, 20 + word(12)))) as Scene;
  } catch {
    return undefined;
  }
  const countOf = (accessor: number | undefined) => scene.accessors?.[accessor ?? -1]?.count ?? 0;
  const primitives = (scene.meshes ?? []).flatMap((mesh) => mesh.primitives ?? []);
  return primitives
    .filter(({ mode = 4 }) => mode === 4)
    .reduce((sum, { indices, attributes }) => sum + Math.floor(countOf(indices ?? attributes?.POSITION) / 3), 0);
}
