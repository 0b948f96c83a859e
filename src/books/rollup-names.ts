import type { Sql } from '../runtime/ports.ts';

/** What codes stand for. `cell` and `sku` are several words in one, as JSON. */
export const nameKinds = ['cell', 'key', 'project', 'user', 'workflow', 'parent', 'tag', 'unit', 'sku'] as const;
export type NameKind = (typeof nameKinds)[number];

/** What is the same for all attempts of one cell. */
export type Cell = {
  modality: string;
  provider: string;
  model: string;
  simulated: boolean;
  /** Undefined while it is open. */
  outcome: string | undefined;
  status: string;
  basis: string;
  catalogue: string;
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

/** Names as small whole numbers, from 1; no name is 0. */
export class Names {
  protected readonly sql: Sql;
  protected readonly epoch: number;
  private readonly known = new Map<string, number>();

  constructor(sql: Sql, epoch: number) {
    this.sql = sql;
    this.epoch = epoch;
  }

  code(kind: NameKind, text: string): number {
    if (text === '') return 0;
    const place = `${kind} ${text}`;
    let code = this.known.get(place);
    if (code === undefined) {
      code = this.find(kind, text) ?? this.make(kind, text);
      this.known.set(place, code);
    }
    return code;
  }

  find(kind: NameKind, text: string): number | undefined {
    const row = this.sql.all(
      'SELECT code FROM rollup_name WHERE epoch = ? AND kind = ? AND text = ?',
      this.epoch,
      nameKinds.indexOf(kind),
      text,
    )[0];
    return row && Number(row.code);
  }

  text(kind: NameKind, code: number): string {
    if (code === 0) return '';
    const row = this.sql.all(
      'SELECT text FROM rollup_name WHERE epoch = ? AND kind = ? AND code = ?',
      this.epoch,
      nameKinds.indexOf(kind),
      code,
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

  protected make(kind: NameKind, text: string): number {
    const code = this.last(kind) + 1;
    const place = nameKinds.indexOf(kind);
    this.sql.run(
      'INSERT INTO rollup_name (epoch, kind, text, code) VALUES (?, ?, ?, ?)',
      this.epoch,
      place,
      text,
      code,
    );
    return code;
  }

  protected last(kind: NameKind): number {
    const row = this.sql.all(
      'SELECT MAX(code) AS code FROM rollup_name WHERE epoch = ? AND kind = ?',
      this.epoch,
      nameKinds.indexOf(kind),
    )[0];
    return Number(row?.code ?? 0);
  }
}

/** Reads names and writes none: those that the book has not yet live as long as this does. */
export class PassingNames extends Names {
  private readonly texts = new Map<NameKind, { from: number; texts: string[] }>();

  override text(kind: NameKind, code: number): string {
    const made = this.texts.get(kind);
    return made && code >= made.from ? (made.texts[code - made.from] ?? '') : super.text(kind, code);
  }

  protected override make(kind: NameKind, text: string): number {
    let made = this.texts.get(kind);
    if (!made) {
      made = { from: this.last(kind) + 1, texts: [] };
      this.texts.set(kind, made);
    }
    made.texts.push(text);
    return made.from + made.texts.length - 1;
  }
}

export function readCell(text: string): Cell {
  const [modality, provider, model, simulated, outcome, status, basis, catalogue] = JSON.parse(text) as string[];
  return {
    modality: modality ?? '',
    provider: provider ?? '',
    model: model ?? '',
    simulated: Number(simulated) === 1,
    outcome: outcome ?? undefined,
    status: status ?? '',
    basis: basis ?? '',
    catalogue: catalogue ?? '',
  };
}

export function readSku(text: string): Sku {
  const [meter, dims, model, price, per, priced] = JSON.parse(text) as [
    string,
    Sku['dims'],
    string,
    string,
    string,
    number,
  ];
  return { meter, dims, model, price, per, priced: priced === 1 };
}
