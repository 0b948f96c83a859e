/** Firsts and seconds that are looked up in a table, where there are not many of them. */
const [mostDirect, mostTable, farSecond] = [64, 1 << 22, 1 << 12] as const;

/** Pairs of small whole numbers as one: the first pair is 0, the next new one 1, and so on. */
export class Pairs {
  size = 0;
  first = new Int32Array(256);
  second = new Int32Array(256);
  /** Of the small firsts: places by second, plus one; and the second that each of them begins with. */
  private readonly tables: Int32Array[] = [];
  private readonly origins: number[] = [];
  /** Of the others: places plus one, by hash; 0 is empty. */
  private slots = new Int32Array(1024);

  indexOf(first: number, second: number): number {
    if (first < mostDirect && first < this.tables.length) {
      const table = this.tables[first]!;
      const at = second - this.origins[first]!;
      const place = at >= 0 && at < table.length ? table[at]! : 0;
      if (place > 0) return place - 1;
    }
    return first < mostDirect && second < mostTable ? this.setDirect(first, second) : this.find(first, second);
  }

  /** Row by row: a first becomes the pair that it makes with its second. A negative one stays as it is. */
  each(firsts: Int32Array, seconds: Uint32Array, rows: number): void {
    const { tables, origins } = this;
    for (let row = 0; row < rows; row++) {
      const first = firsts[row]!;
      if (first < 0) continue;
      const second = seconds[row]!;
      if (first < tables.length) {
        const table = tables[first]!;
        const at = second - origins[first]!;
        const place = at >= 0 && at < table.length ? table[at]! : 0;
        firsts[row] = place > 0 ? place - 1 : this.indexOf(first, second);
      } else firsts[row] = this.indexOf(first, second);
    }
  }

  private find(first: number, second: number): number {
    const mask = this.slots.length - 1;
    let slot = hashOf(first, second) & mask;
    for (; ; slot = (slot + 1) & mask) {
      const place = this.slots[slot]! - 1;
      if (place < 0) break;
      if (this.first[place] === first && this.second[place] === second) return place;
    }
    if (this.size * 2 >= this.slots.length) {
      this.grow();
      return this.find(first, second);
    }
    this.slots[slot] = this.size + 1;
    return this.append(first, second);
  }

  private setDirect(first: number, second: number): number {
    while (this.tables.length <= first) {
      this.tables.push(new Int32Array(0));
      this.origins.push(0);
    }
    let table = this.tables[first]!;
    // Hours since 1970 are many: those of a month begin late.
    if (table.length === 0) this.origins[first] = second < farSecond ? 0 : second - (second % farSecond);
    let at = second - this.origins[first]!;
    if (at < 0 || at >= table.length) {
      const shift = at < 0 ? this.origins[first]! : 0;
      const longer = new Int32Array(Math.max(16, table.length * 2, table.length + shift, at + shift + 1));
      longer.set(table, shift);
      this.origins[first]! -= shift;
      this.tables[first] = longer;
      table = longer;
      at += shift;
    }
    const place = this.append(first, second);
    table[at] = place + 1;
    return place;
  }

  private append(first: number, second: number): number {
    if (this.size >= this.first.length) {
      const [firsts, seconds] = [this.first, this.second];
      this.first = new Int32Array(this.size * 2);
      this.second = new Int32Array(this.size * 2);
      this.first.set(firsts);
      this.second.set(seconds);
    }
    this.first[this.size] = first;
    this.second[this.size] = second;
    return this.size++;
  }

  private grow(): void {
    this.slots = new Int32Array(this.slots.length * 4);
    const mask = this.slots.length - 1;
    for (let place = 0; place < this.size; place++) {
      const first = this.first[place]!;
      const second = this.second[place]!;
      if (first < mostDirect && second < mostTable) continue;
      let slot = hashOf(first, second) & mask;
      while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
      this.slots[slot] = place + 1;
    }
  }
}

function hashOf(first: number, second: number): number {
  const mixed = Math.imul(Math.imul(first, 0x9e3779b1) ^ second, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}
