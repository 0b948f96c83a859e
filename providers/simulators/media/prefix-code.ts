/** A canonical prefix code: bit length by symbol (0 = unused), and its bits, first bit lowest. */
export type PrefixCode = { lengths: number[]; bits: number[]; only?: number };

const longest = 15;

/** The prefix code for symbols that occur so often; no code is longer than 15 bits. */
export function prefixCode(counts: number[]): PrefixCode {
  const used = counts.flatMap((count, symbol) => (count > 0 ? [symbol] : []));
  const only = used.length === 1 ? used[0] : undefined;
  let weights = counts;
  let lengths = huffman(weights);
  while (Math.max(...lengths) > longest) {
    weights = weights.map((weight) => (weight > 0 ? (weight >> 1) + 1 : 0));
    lengths = huffman(weights);
  }
  if (only !== undefined) return { lengths: lengths.fill(0), bits: new Array<number>(counts.length).fill(0), only };
  return { lengths, bits: canonical(lengths) };
}

/** Code lengths by symbol: join the two lightest until one is left. */
function huffman(weights: number[]): number[] {
  type Node = { weight: number; symbols: number[] };
  const lengths = new Array<number>(weights.length).fill(0);
  const leaves: Node[] = weights
    .flatMap((weight, symbol) => (weight > 0 ? [{ weight, symbols: [symbol] }] : []))
    .sort((one, other) => one.weight - other.weight || one.symbols[0]! - other.symbols[0]!);
  const joined: Node[] = [];
  const lightest = () =>
    joined[0] && (!leaves[0] || joined[0].weight < leaves[0].weight) ? joined.shift()! : leaves.shift()!;
  while (leaves.length + joined.length > 1) {
    const [one, other] = [lightest(), lightest()];
    const symbols = one.symbols.concat(other.symbols);
    for (const symbol of symbols) lengths[symbol]!++;
    joined.push({ weight: one.weight + other.weight, symbols });
  }
  return lengths;
}

function canonical(lengths: number[]): number[] {
  const bits = new Array<number>(lengths.length).fill(0);
  let code = 0;
  for (let length = 1; length <= longest; length++) {
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      if (lengths[symbol] !== length) continue;
      let value = code++;
      for (let bit = 0; bit < length; bit++, value >>= 1) bits[symbol] = (bits[symbol]! << 1) | (value & 1);
    }
    code <<= 1;
  }
  return bits;
}
