import type { Sql } from '../runtime/ports.ts';

/** Characters of a text that stands in its own row, and of a piece of a longer one: a row of a Durable Object has 2 MB at most. */
const inline = 130_000;
const piece = 300_000;
/** What stands in the place of a long text. No JSON begins like that. */
const marker = '→ long_text';

/** Texts that may be longer than a row can be. */
export class LongTexts {
  private readonly sql: Sql;

  constructor(sql: Sql) {
    this.sql = sql;
  }

  /** Keeps a text under a name if it is long. Returns what goes into the row. */
  put(name: string, text: string): string {
    if (text.length <= inline) return text;
    this.remove(name);
    for (let start = 0, place = 0; start < text.length; place++) {
      const end = wholeAt(text, start + piece);
      this.sql.run('INSERT INTO long_text (name, place, text) VALUES (?, ?, ?)', name, place, text.slice(start, end));
      start = end;
    }
    return marker;
  }

  /** The text of a row's column. */
  get(name: string, stored: string): string {
    if (stored !== marker) return stored;
    const rows = this.sql.all('SELECT text FROM long_text WHERE name = ? ORDER BY place', name);
    return rows.map((row) => String(row.text)).join('');
  }

  remove(name: string): void {
    this.sql.run('DELETE FROM long_text WHERE name = ?', name);
  }
}

/** A place at which no letter of two units is cut. */
function wholeAt(text: string, place: number): number {
  const unit = text.charCodeAt(place - 1);
  return place < text.length && unit >= 0xd800 && unit < 0xdc00 ? place - 1 : place;
}
