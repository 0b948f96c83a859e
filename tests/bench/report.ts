import type { Check } from './check.ts';

/** A figure of the gateway, the same of the bare proxy where it has one, and the target where there is one. */
export type Line = {
  what: string;
  unit: string;
  gateway: number;
  bare?: number;
  direct?: number;
  /** The gateway's figure must be at most this. */
  atMost?: number;
  /** The bare proxy's figure must be at least this many times the gateway's. */
  timesFewer?: number;
  /** Lowest and highest of the rounds. */
  spread?: [number, number];
};

/** bare ÷ gateway: above 1 means that the gateway needs less. */
export function ratioOf(line: Line): number | undefined {
  return line.bare === undefined ? undefined : line.bare / line.gateway;
}

export function meets(line: Line): boolean | undefined {
  if (line.atMost === undefined && line.timesFewer === undefined) return undefined;
  const fewer = line.timesFewer === undefined || (ratioOf(line) ?? 0) >= line.timesFewer;
  return (line.atMost === undefined || line.gateway <= line.atMost) && fewer;
}

/** One table for people. */
export function writeTable(lines: readonly Line[], checks: readonly Check[]): string {
  const rows = [['', 'unit', 'gateway', 'rounds', 'bare proxy', 'bare ÷ gateway', 'direct', 'target', '']];
  for (const line of lines) {
    const ratio = ratioOf(line);
    const wanted = [
      ...(line.atMost === undefined ? [] : [`≤ ${line.atMost}`]),
      ...(line.timesFewer === undefined ? [] : [`≥ ${line.timesFewer}×`]),
    ];
    const verdict = meets(line);
    rows.push([
      line.what,
      line.unit,
      write(line.gateway),
      line.spread ? `${write(line.spread[0])}…${write(line.spread[1])}` : '',
      write(line.bare),
      ratio === undefined ? '' : `${ratio.toFixed(2)}×`,
      write(line.direct),
      wanted.join(', '),
      verdict === undefined ? '' : verdict ? 'met' : 'MISSED',
    ]);
  }
  const text = writeRows(rows, new Set([0, 1, 7, 8]));
  return [...text, '', 'What must hold, against what callers and upstream counted:', ...writeChecks(checks)].join('\n');
}

/** Lines of a table; its first row names the columns, those in `left` are flush left. */
export function writeRows(rows: string[][], left: ReadonlySet<number>): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const text = rows.map((row) =>
    row
      .map((cell, column) => (left.has(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
  text.splice(1, 0, widths.map((width) => '─'.repeat(width)).join('  '));
  return text;
}

export function writeChecks(checks: readonly Check[]): string[] {
  return checks.map((check) =>
    check.holds
      ? `  ok    ${check.what}: ${check.found}`
      : `  WRONG ${check.what}: ${check.found} instead of ${check.expected}`,
  );
}

export function write(value: number | undefined): string {
  if (value === undefined) return '';
  if (value === 0) return '0';
  return value >= 1000 ? String(Math.round(value)) : value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
