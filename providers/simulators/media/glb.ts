import { random } from '../seed.ts';
import { concat, little32 } from './bits.ts';

/** Axes of the six sides: where a side faces, and the two directions that span it. */
const sides = [
  [0, 1, 2, 1],
  [0, 1, 2, -1],
  [1, 2, 0, 1],
  [1, 2, 0, -1],
  [2, 0, 1, 1],
  [2, 0, 1, -1],
] as const;

/** A binary glTF 2.0 of one box (24 vertices, 12 triangles) about a metre wide; the seed gives proportions and colour. */
export function glb({ seed }: { seed: string }): Uint8Array {
  const dice = random(`glb|${seed}`);
  const half = [0, 1, 2].map(() => (32 + dice.below(64)) / 128) as [number, number, number];
  const colour = [0, 1, 2].map(() => (64 + dice.below(192)) / 256);
  const positions: number[] = [];
  const normals: number[] = [];
  const indices: number[] = [];
  for (const [facing, first, second, sign] of sides) {
    const base = positions.length / 3;
    for (const [across, up] of [
      [-1, -1],
      [1, -1],
      [1, 1],
      [-1, 1],
    ] as const) {
      const corner = [0, 0, 0];
      corner[facing] = sign * half[facing];
      corner[first] = across * sign * half[first];
      corner[second] = up * half[second];
      positions.push(...corner);
      normals.push(...[0, 1, 2].map((axis) => (axis === facing ? sign : 0)));
    }
    indices.push(base, base + 1, base + 2, base, base + 2, base + 3);
  }
  const binary = concat(floats(positions), floats(normals), Uint8Array.from(indices.flatMap((index) => [index, 0])));
  const json = JSON.stringify({
    asset: { version: '2.0', generator: 'atelier' },
    scene: 0,
    scenes: [{ nodes: [0] }],
    nodes: [{ mesh: 0 }],
    meshes: [{ primitives: [{ attributes: { POSITION: 0, NORMAL: 1 }, indices: 2, material: 0 }] }],
    materials: [
      { pbrMetallicRoughness: { baseColorFactor: [...colour, 1], metallicFactor: 0, roughnessFactor: 0.75 } },
    ],
    accessors: [
      { bufferView: 0, componentType: 5126, count: 24, type: 'VEC3', min: half.map((size) => -size), max: half },
      { bufferView: 1, componentType: 5126, count: 24, type: 'VEC3' },
      { bufferView: 2, componentType: 5123, count: 36, type: 'SCALAR' },
    ],
    bufferViews: [
      { buffer: 0, byteOffset: 0, byteLength: 288, target: 34962 },
      { buffer: 0, byteOffset: 288, byteLength: 288, target: 34962 },
      { buffer: 0, byteOffset: 576, byteLength: 72, target: 34963 },
    ],
    buffers: [{ byteLength: 648 }],
  });
  const text = new TextEncoder().encode(json.padEnd(Math.ceil(json.length / 4) * 4));
  const chunks = concat(chunk(0x4e4f534a, text), chunk(0x004e4942, binary));
  return concat(little32(0x46546c67), little32(2), little32(12 + chunks.length), chunks);
}

function chunk(type: number, data: Uint8Array): Uint8Array {
  return concat(little32(data.length), little32(type), data);
}

function floats(values: number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => {
    view.setFloat32(index * 4, value, true);
  });
  return bytes;
}
