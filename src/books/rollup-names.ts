import type { ReceiptLine } from '../contract/index.ts';
import type { Sql } from '../runtime/ports.ts';

/** What codes stand for. `cell` and `sku` are several words in one. */
const nameKinds = ['cell', 'key', 'project', 'user', 'workflow', 'parent', 'tag', 'unit', 'sku'] as const;
export type NameKind = (typeof nameKinds)[number];

/** What is the same for all attempts of one cell. */
export type Cell = {
  modality: string;
  provider: string;
  simulated: string;
  /** Empty while it is open. */
  outcome: string;
  status: string;
  basis: string;
  catalogue: string;
  model: string;
};

/** What is the same for all ledger lines of one SKU. */
export type Sku = {
  meter: string;
  dims: Record<string, string>;
  /** Set where another model than the attempt's did this part. */
  model: string;
  /** Decimal string in dollars for `per` units; empty where none is known. */
  price: string;
  per: string;
  priced: boolean;
};

/** Names kept in memory at most, of each kind; and SKUs of one meter. */
const mostKnown = 50_000;
const mostLike = 63;

type Line = Omit<ReceiptLine, 'amount' | 'quantity'> & { amount?: unknown };
type KnownSku = { model: string; price: string; per: string; priced: number; dims: string; code: number };

/** Names as small whole numbers, from 1; no name is 0. */
export class Names {
  protected readonly sql: Sql;
  readonly epoch: number;
  private readonly known = Object.fromEntries(nameKinds.map((kind) => [kind, new Map<string, number>()])) as Record<
    NameKind,
    Map<string, number>
  >;
  private readonly tags = new Map<string, number[]>();
  /** By meter: those met last come first. */
  private readonly skus = new Map<string, KnownSku[]>();
  private readonly highest = new Map<NameKind, number>();

  constructor(sql: Sql, epoch: number) {
    this.sql = sql;
    this.epoch = epoch;
  }

  code(kind: NameKind, text: string | undefined): number {
    if (text === undefined || text === '') return 0;
    const known = this.known[kind];
    let code = known.get(text);
    if (code === undefined) {
      code = this.make(kind, text);
      keep(known, text, code);
    }
    return code;
  }

  /** The codes of an attempt's tags, given as its JSON. */
  tagsOf(text: string): number[] {
    let codes = this.tags.get(text);
    if (!codes) {
      const tags = Object.entries(JSON.parse(text) as Record<string, string>);
      codes = tags.map(([name, value]) => this.code('tag', `${name}=${value}`)).sort((one, other) => one - other);
      keep(this.tags, text, codes);
    }
    return codes;
  }

  skuOf({ meter, dims, model = '', price = '', per = '', amount }: Line): number {
    const priced = amount === undefined ? 0 : 1;
    const dimsText = dims ? JSON.stringify(dims) : '';
    const skus = this.skus.get(meter) ?? [];
    for (const sku of skus) {
      if (sku.price !== price || sku.priced !== priced || sku.per !== per) continue;
      if (sku.model === model && sku.dims === dimsText) return sku.code;
    }
    const sorted = Object.fromEntries(Object.entries(dims ?? {}).sort(([one], [other]) => (one < other ? -1 : 1)));
    const code = this.code('sku', JSON.stringify([meter, sorted, model, price, per, priced]));
    this.skus.set(meter, [{ model, price, per, priced, dims: dimsText, code }, ...skus.slice(0, mostLike)]);
    return code;
  }

  find(kind: NameKind, text: string): number | undefined {
    const row = this.sql.all(
      'SELECT code FROM rollup_name WHERE epoch = ? AND kind = ? AND text = ?',
      ...[this.epoch, nameKinds.indexOf(kind), text],
    )[0];
    return row && Number(row.code);
  }

  text(kind: NameKind, code: number): string {
    if (code === 0) return '';
    const row = this.sql.all(
      'SELECT text FROM rollup_name WHERE epoch = ? AND kind = ? AND code = ?',
      ...[this.epoch, nameKinds.indexOf(kind), code],
    )[0];
    return String(row?.text ?? '');
  }

  /** The written tags that have one of these names; `last` is the highest code of any written tag. */
  tagsNamed(names: readonly string[]): { known: Set<number>; last: number } {
    const known = new Set<number>();
    for (const name of names) {
      // ">" comes right after "=".
      const rows = this.sql.all(
        'SELECT code FROM rollup_name WHERE epoch = ? AND kind = ? AND text >= ? AND text < ?',
        ...[this.epoch, nameKinds.indexOf('tag'), `${name}=`, `${name}>`],
      );
      for (const row of rows) known.add(Number(row.code));
    }
    return { known, last: this.last('tag') };
  }

  /** What is not in memory is mostly new: it is written first and looked up where it was there. */
  protected make(kind: NameKind, text: string): number {
    const code = (this.highest.get(kind) ?? this.last(kind)) + 1;
    const place = nameKinds.indexOf(kind);
    const written = this.sql.run(
      'INSERT INTO rollup_name (epoch, kind, text, code) VALUES (?, ?, ?, ?) ON CONFLICT (epoch, kind, text) DO NOTHING',
      ...[this.epoch, place, text, code],
    );
    this.highest.set(kind, written === 1 ? code : code - 1);
    return written === 1 ? code : (this.find(kind, text) ?? 0);
  }

  /** The highest code of any written name. */
  last(kind: NameKind): number {
    const row = this.sql.all(
      'SELECT MAX(code) AS code FROM rollup_name WHERE epoch = ? AND kind = ?',
      ...[this.epoch, nameKinds.indexOf(kind)],
    )[0];
    return Number(row?.code ?? 0);
  }
}

/** Reads names and writes none: those that the book has not yet live as long as this does. */
export class PassingNames extends Names {
  private readonly texts = new Map<NameKind, { from: number; texts: string[]; places: Map<string, number> }>();

  private readonly read = Object.fromEntries(nameKinds.map((kind) => [kind, new Map<number, string>()])) as Record<
    NameKind,
    Map<number, string>
  >;

  override text(kind: NameKind, code: number): string {
    const made = this.texts.get(kind);
    if (made && code >= made.from) return made.texts[code - made.from] ?? '';
    const read = this.read[kind];
    let text = read.get(code);
    if (text === undefined) {
      text = super.text(kind, code);
      keep(read, code, text);
    }
    return text;
  }

  /** Reads many at once: one by one each would be a question of its own. */
  learn(kind: NameKind, codes: readonly number[]): void {
    const read = this.read[kind];
    const from = this.texts.get(kind)?.from ?? Number.POSITIVE_INFINITY;
    const wanted = [...new Set(codes)].filter((code) => code !== 0 && code < from && !read.has(code));
    if (wanted.length < 2) return;
    const rows = this.sql.all(
      `SELECT code, text FROM rollup_name WHERE epoch = ? AND kind = ? AND code IN (SELECT value FROM json_each(?))`,
      ...[this.epoch, nameKinds.indexOf(kind), JSON.stringify(wanted)],
    );
    for (const { code, text } of rows) keep(read, Number(code), String(text));
  }

  protected override make(kind: NameKind, text: string): number {
    const there = this.find(kind, text);
    if (there !== undefined) return there;
    let made = this.texts.get(kind);
    if (!made) {
      made = { from: this.last(kind) + 1, texts: [], places: new Map() };
      this.texts.set(kind, made);
    }
    const before = made.places.get(text);
    if (before !== undefined) return before;
    const code = made.from + made.texts.length;
    made.texts.push(text);
    made.places.set(text, code);
    return code;
  }
}

export function readCell(text: string): Cell {
  const [modality = '', provider = '', simulated = '', outcome = '', status = '', basis = '', catalogue = '', ...rest] =
    text.split('\n');
  return { modality, provider, simulated, outcome, status, basis, catalogue, model: rest.join('\n') };
}

export function readSku(text: string): Sku {
  const words = JSON.parse(text) as [string, Sku['dims'], string, string, string, number];
  const [meter, dims, model, price, per, priced] = words;
  return { meter, dims, model, price, per, priced: priced === 1 };
}

function keep<Key, Value>(known: Map<Key, Value>, key: Key, value: Value): void {
  if (known.size >= mostKnown) known.clear();
  known.set(key, value);
}
