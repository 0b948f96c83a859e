import { stableHex } from '../simulator.ts';
import type { Piece } from './prompt.ts';

/** How the input splits, in tokens: the four are disjoint. */
export type InputSplit = { fresh: number; read: number; write5m: number; write1h: number };

const lives = { '5m': 300_000, '1h': 3_600_000 };

/**
 * The vendor's prompt cache: prefixes ending at a marked piece, kept for their ttl from the last use.
 * Unlike the vendor's it has no minimum length, so that short tests can see it work.
 */
export class PromptCache {
  private readonly entries = new Map<string, { until: number; life: number }>();

  /** Splits the input and remembers its marked prefixes. */
  use(model: string, pieces: Piece[], now: number): InputSplit {
    const marks = pieces.flatMap((piece, index) => (piece.ttl ? [{ index, ttl: piece.ttl }] : []));
    const total = sum(pieces);
    const split: InputSplit = { fresh: total, read: 0, write5m: 0, write1h: 0 };
    const lastMark = marks.at(-1);
    if (!lastMark) return split;

    const keys: string[] = [];
    let key = model;
    for (const piece of pieces) {
      key = stableHex(`${key}|${piece.key}`);
      keys.push(key);
    }
    let covered = -1;
    for (let index = lastMark.index; index >= 0; index--) {
      const entry = this.entries.get(keys[index]!);
      if (!entry || entry.until <= now) continue;
      entry.until = now + entry.life;
      covered = index;
      break;
    }
    split.read = sum(pieces.slice(0, covered + 1));
    for (const mark of marks) {
      if (mark.index <= covered) continue;
      const tokens = sum(pieces.slice(covered + 1, mark.index + 1));
      if (mark.ttl === '1h') split.write1h += tokens;
      else split.write5m += tokens;
      this.entries.set(keys[mark.index]!, { until: now + lives[mark.ttl], life: lives[mark.ttl] });
      covered = mark.index;
    }
    split.fresh = total - split.read - split.write5m - split.write1h;
    return split;
  }

  clear(): void {
    this.entries.clear();
  }
}

const sum = (pieces: Piece[]) => pieces.reduce((tokens, piece) => tokens + piece.tokens, 0);
