import { joinBytes } from '../../../src/contract/index.ts';

/** Growing byte buffer with bit access; `first` says which end of a byte is filled first. */
export class BitWriter {
  private bytes: Uint8Array = new Uint8Array(4096);
  private length = 0;
  private held = 0;
  private count = 0;
  private readonly first: 'high' | 'low';

  constructor(first: 'high' | 'low') {
    this.first = first;
  }

  /** Writes the low `width` bits of `value` (at most 24). */
  write(value: number, width: number): void {
    const masked = value & (2 ** width - 1);
    this.held = this.first === 'high' ? (this.held << width) | masked : this.held | (masked << this.count);
    this.count += width;
    while (this.count >= 8) {
      this.count -= 8;
      if (this.first === 'high') {
        this.push(this.held >>> this.count);
        this.held &= (1 << this.count) - 1;
      } else {
        this.push(this.held);
        this.held >>>= 8;
      }
    }
  }

  /** Bits written so far. */
  get size(): number {
    return this.length * 8 + this.count;
  }

  /** Fills the last byte with zero bits. */
  align(): void {
    if (this.count > 0) this.write(0, 8 - this.count);
  }

  /** Appends whole bytes; the writer must be aligned. */
  append(source: Uint8Array): void {
    this.reserve(source.length);
    this.bytes.set(source, this.length);
    this.length += source.length;
  }

  /** The bytes written, the last one filled with zero bits. */
  finish(): Uint8Array {
    this.align();
    return this.bytes.slice(0, this.length);
  }

  private push(byte: number): void {
    this.reserve(1);
    this.bytes[this.length++] = byte;
  }

  private reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + more));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}

/** The parts one after another. */
export function concat(...parts: Uint8Array[]): Uint8Array {
  return joinBytes(parts);
}

/** ASCII text as bytes. */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** 32 bits, least significant byte first. */
export function little32(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
}

/** 32 bits, most significant byte first. */
export function big32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}
