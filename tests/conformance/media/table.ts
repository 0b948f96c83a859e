/**
 * What came of a case: it held (`≤`: with an upper bound in the book, because the provider does not tell its price; `409`: refused as it
 * must be), it did not, or the provider has nothing like it.
 */
export type Mark = 'ok' | '≤' | '409' | 'FAIL' | '–';

export class MediaTable {
  private readonly cells = new Map<string, Map<string, Mark>>();
  private readonly columns: readonly string[];

  constructor(columns: readonly string[]) {
    this.columns = columns;
  }

  set(row: string, column: string, mark: Mark): void {
    const cells = this.cells.get(row) ?? new Map<string, Mark>();
    this.cells.set(row, cells);
    cells.set(column, mark);
  }

  /** How many cells hold, and how many there are that could. */
  get count(): { held: number; all: number } {
    const marks = [...this.cells.values()].flatMap((cells) => [...cells.values()]).filter((mark) => mark !== '–');
    return { held: marks.filter((mark) => mark !== 'FAIL').length, all: marks.length };
  }

  render(): string {
    const rows = [...this.cells].map(([row, cells]) => [row, ...this.columns.map((name) => cells.get(name) ?? '')]);
    const head = ['provider · modality', ...this.columns];
    const widths = head.map((name, place) => Math.max(name.length, ...rows.map((row) => (row[place] ?? '').length)));
    const line = (cells: readonly string[]) =>
      `| ${cells.map((cell, place) => cell.padEnd(widths[place] ?? 0)).join(' | ')} |`;
    return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
  }
}
