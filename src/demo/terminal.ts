/** Where text goes: process.stdout, process.stderr, or a list in tests. */
export type Sink = { write(text: string): unknown; isTTY?: boolean; columns?: number; rows?: number };

export type Colour = 'red' | 'green' | 'yellow' | 'dim' | 'bold';
export type Paint = (colour: Colour, text: string) => string;

const codes: Record<Colour, [number, number]> = {
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  dim: [2, 22],
  bold: [1, 22],
};

/** Colours for a terminal that wants them: none when piped, under NO_COLOR (any value), or on a dumb terminal. */
export function painterFor(sink: Sink, env: Readonly<Record<string, string | undefined>>): Paint {
  const plain = !sink.isTTY || Boolean(env.NO_COLOR) || env.TERM === 'dumb';
  return (colour, text) => (plain ? text : `\x1b[${codes[colour][0]}m${text}\x1b[${codes[colour][1]}m`);
}

export type Column = { title: string; align?: 'left' | 'right' | 'point' };

/**
 * Rows as aligned text, two spaces between columns, no trailing spaces. `point` lines numbers up at their decimal point.
 * `painted` may colour a finished line.
 */
export function layOut(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  paint: Paint,
  painted: (line: string, row: number) => string = (line) => line,
): string {
  const filled = columns.map((column, place) => {
    const cells = rows.map((row) => row[place] ?? '');
    const most = column.align === 'point' ? Math.max(0, ...cells.map(decimals)) : 0;
    return cells.map((cell) => (isNumber(cell) ? cell + ' '.repeat(most && most - decimals(cell)) : cell));
  });
  const widths = columns.map((column, place) =>
    Math.max(column.title.length, ...filled[place]!.map((cell) => cell.length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, place) => {
        const left = (columns[place]!.align ?? 'left') === 'left';
        return left ? cell.padEnd(widths[place]!) : cell.padStart(widths[place]!);
      })
      .join('  ')
      .trimEnd();
  const body = rows.map((_, row) => painted(line(filled.map((cells) => cells[row]!)), row));
  return [paint('bold', line(columns.map((column) => column.title))), ...body].join('\n');
}

const isNumber = (cell: string) => /^\$?\d/.test(cell);

/** Letters from the decimal point on. */
const decimals = (cell: string) => (isNumber(cell) && cell.includes('.') ? cell.length - cell.indexOf('.') : 0);

/** Four significant digits: for comparing, where the exact figure stands beside it. */
export function shortNumber(text: string): string {
  const number = Number(text);
  if (number === 0) return '0';
  return number.toLocaleString('en-US', { maximumSignificantDigits: 4, useGrouping: false });
}
