/** A stable 64-bit digest (two FNV-1a lanes) of bytes that come one after another: same on every engine, and not for secrets. */
export class Digest {
  private one = 0x811c9dc5;
  private other = 0x9747b28c;

  add(bytes: Uint8Array): this {
    let { one, other } = this;
    for (let index = 0; index < bytes.length; index++) {
      const byte = bytes[index] as number;
      one = Math.imul(one ^ byte, 0x01000193);
      other = Math.imul(other ^ byte, 0x85ebca6b);
      other ^= other >>> 15;
    }
    this.one = one;
    this.other = other;
    return this;
  }

  text(text: string): this {
    return this.add(new TextEncoder().encode(text));
  }

  hex(): string {
    return [this.one, this.other].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('');
  }
}

export function digestOf(bytes: Uint8Array): string {
  return new Digest().add(bytes).hex();
}
