/**
 * The rows of a CSV text (RFC 4180; commas, semicolons or tabs, as its first line has them), empty ones left out.
 * @throws RangeError where a quoted cell has no end.
 */
export function readCsv(text: string): string[][] {
  const source = text.startsWith('\ufeff') ? text.slice(1) : text;
  const comma = commaOf(source);
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let quoted = false;
  const endRow = () => {
    row.push(cell);
    cell = '';
    if (row.some((one) => one.trim() !== '')) rows.push(row);
    row = [];
  };
  for (let place = 0; place < source.length; place++) {
    const letter = source[place]!;
    if (quoted) {
      if (letter !== '"') cell += letter;
      else if (source[place + 1] === '"') cell += source[++place];
      else quoted = false;
    } else if (letter === '"' && cell === '') quoted = true;
    else if (letter === comma) {
      row.push(cell);
      cell = '';
    } else if (letter === '\n') endRow();
    else if (letter !== '\r') cell += letter;
  }
  if (quoted) throw new RangeError('A quoted cell has no end.');
  endRow();
  return rows;
}

function commaOf(text: string): string {
  const end = text.indexOf('\n');
  const head = end < 0 ? text : text.slice(0, end);
  const counts = [',', ';', '\t'].map((letter) => [letter, head.split(letter).length] as const);
  return counts.reduce((best, one) => (one[1] > best[1] ? one : best))[0];
}
