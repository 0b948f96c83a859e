import type { Outcome } from './cells.ts';

/** What a cell came to; `failed` where its test threw. */
export type Result = { client: string; upstream: string; cell: string; outcome: Outcome | { failed: true } };

/** The markdown table of a run: a row a client and upstream, a column a cell, footnotes for what is restricted. */
export function renderTable(results: readonly Result[]): string {
  const columns = [...new Set(results.map((result) => result.cell))];
  const rows = [...new Set(results.map(({ client, upstream }) => `${client} | ${upstream}`))];
  const notes: string[] = [];
  const markOf = (row: string, column: string) => {
    const result = results.find(({ client, upstream, cell }) => `${client} | ${upstream}` === row && cell === column);
    if (!result) return '';
    const { outcome } = result;
    if (outcome === undefined) return '✓';
    if (typeof outcome !== 'string') return '✗';
    if (!notes.includes(outcome)) notes.push(outcome);
    return `✓ <sup>${notes.indexOf(outcome) + 1}</sup>`;
  };
  const lines = rows.map((row) => `| ${[row, ...columns.map((column) => markOf(row, column))].join(' | ')} |`);
  const head = [`| client | upstream | ${columns.join(' | ')} |`, `|---|---|${columns.map(() => '---').join('|')}|`];
  return [...head, ...lines, '', ...notes.map((note, place) => `${place + 1}. ${note}`)].join('\n').trim();
}

/** The text between the markers of a README; undefined where they are missing. */
export function sectionOf(readme: string): string | undefined {
  return /<!-- matrix -->\n([\s\S]*?)<!-- \/matrix -->/.exec(readme)?.[1]?.trim();
}

export function withSection(readme: string, table: string): string {
  return readme.replace(
    /<!-- matrix -->\n[\s\S]*?<!-- \/matrix -->/,
    () => `<!-- matrix -->\n${table}\n<!-- /matrix -->`,
  );
}
