import { hash32 } from '../seed.ts';

/**
 * A binary glTF 2.0 file with one coloured tetrahedron, its size and colour by the seed.
 * https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html#glb-file-format-specification
 */
export function glb(seed: string): Uint8Array<ArrayBuffer> {
  const dice = hash32(seed);
  const size = 1 + (dice % 8) / 4;
  const corners = [
    [size, size, size],
    [-size, -size, size],
    [-size, size, -size],
    [size, -size, -size],
  ];
  const faces = [0, 2, 1, 0, 1, 3, 0, 3, 2, 1, 2, 3];
  const binary = new Uint8Array(corners.length * 12 + faces.length * 2);
  new Float32Array(binary.buffer, 0, 12).set(corners.flat());
  new Uint16Array(binary.buffer, 48, 12).set(faces);
  const colour = [8, 16, 24].map((shift) => ((dice >>> shift) & 255) / 255);
  const scene = {
    asset: { version: '2.0' },
    scene: 0,
    scenes: [{ nodes: [0] }],
    nodes: [{ mesh: 0 }],
    meshes: [{ primitives: [{ attributes: { POSITION: 0 }, indices: 1, material: 0 }] }],
    materials: [{ pbrMetallicRoughness: { baseColorFactor: [...colour, 1] } }],
    buffers: [{ byteLength: binary.length }],
    bufferViews: [
      { buffer: 0, byteOffset: 0, byteLength: 48, target: 34962 },
      { buffer: 0, byteOffset: 48, byteLength: 24, target: 34963 },
    ],
    accessors: [
      {
        bufferView: 0,
        componentType: 5126,
        count: 4,
        type: 'VEC3',
        min: [-size, -size, -size],
        max: [size, size, size],
      },
      { bufferView: 1, componentType: 5123, count: 12, type: 'SCALAR' },
    ],
  };
  const plain = JSON.stringify(scene);
  const json = new TextEncoder().encode(plain.padEnd(Math.ceil(plain.length / 4) * 4));
  const file = new Uint8Array(12 + 8 + json.length + 8 + binary.length);
  const view = new DataView(file.buffer);
  const words = [0x46546c67, 2, file.length, json.length, 0x4e4f534a];
  words.forEach((word, index) => {
    view.setUint32(index * 4, word, true);
  });
  file.set(json, 20);
  view.setUint32(20 + json.length, binary.length, true);
  view.setUint32(24 + json.length, 0x004e4942, true);
  file.set(binary, 28 + json.length);
  return file;
}
