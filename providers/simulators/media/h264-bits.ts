import { BitWriter } from './bits.ts';

/** Bits of a NAL unit: fixed width, and the Exp-Golomb and CAVLC codes of ITU-T H.264 clause 9. */
export class UnitWriter {
  private readonly out = new BitWriter('high');

  /** The low `width` bits of `value` (at most 32). */
  bits(value: number, width: number): void {
    if (width > 16) this.out.write(Math.floor(value / 65_536), width - 16);
    this.out.write(value & 0xffff, Math.min(width, 16));
  }

  /** ue(v). */
  unsigned(value: number): void {
    const width = 32 - Math.clz32(value + 1);
    this.bits(0, width - 1);
    this.bits(value + 1, width);
  }

  /** se(v). */
  signed(value: number): void {
    this.unsigned(value > 0 ? value * 2 - 1 : -value * 2);
  }

  /** A block whose only coefficient is its first, of neighbours without any: luma, or the four DC values of a chroma plane. */
  level(level: number, place: 'luma' | 'chroma'): void {
    const size = Math.abs(level);
    if (size === 0) {
      this.bits(1, place === 'luma' ? 1 : 2);
      return;
    }
    if (size === 1) {
      this.bits(1, place === 'luma' ? 2 : 1);
      this.bits(level < 0 ? 1 : 0, 1);
    } else {
      this.bits(place === 'luma' ? 5 : 7, 6);
      const code = size * 2 - (level < 0 ? 1 : 2) - 2;
      if (code < 14) this.bits(1, code + 1);
      else if (code < 30) this.bits(16 + code - 14, 19);
      else this.bits(4096 + code - 30, 28);
    }
    this.bits(1, 1); // no zeros before it
  }

  /** The unit: its header byte, the stop bit, and an escape wherever the bits would look like a start code. */
  finish(header: number): Uint8Array {
    this.bits(1, 1);
    const raw = this.out.finish();
    const unit = new BitWriter('high');
    unit.write(header, 8);
    let zeros = 0;
    for (const byte of raw) {
      if (zeros >= 2 && byte <= 3) {
        unit.write(3, 8);
        zeros = 0;
      }
      unit.write(byte, 8);
      zeros = byte === 0 ? zeros + 1 : 0;
    }
    return unit.finish();
  }
}
