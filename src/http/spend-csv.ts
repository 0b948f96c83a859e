import type { SpendAnswer, SpendQuery } from '../books/index.ts';
import { writeUsd } from '../meter/money.ts';
import { mainUnit, unitCosts } from '../meter/unit-costs.ts';

/** One line of CSV (RFC 4180), with its end. */
export function csvLine(cells: readonly (string | number)[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(value: string | number): string {
  // A leading = + - @ would be run as a formula by a spreadsheet; a number may begin with its sign.
  const isFormula = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) && !/^-?\d+(\.\d+)?$/.test(value);
  const text = isFormula ? `'${value}` : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A report as CSV, a line for each group: the unit that people pay for in columns of its own, all units as JSON in the last. */
export function writeSpendCsv(answer: SpendAnswer, groupBy: SpendQuery['groupBy']): string {
  const groups = groupBy.flatMap((group) => (group === 'unit' ? (['unit', 'meter'] as const) : [group]));
  const names = groups.map((group) => (group === 'unit' ? 'counted' : group));
  const lines = [
    csvLine([
      ...names,
      ...['generations', 'attempts', 'unpriced', 'estimated', 'cost_usd', 'unit', 'quantity', 'unit_cost_usd'],
      ...['open_attempts', 'failed_attempts', 'failed_cost_usd', 'charge_usd', 'avoided_usd', 'cache_hits'],
      ...['p50_usd', 'p95_usd', 'unit_p50_usd', 'unit_p95_usd', 'units'],
    ]),
  ];
  const usd = (pico: bigint | undefined) => (pico === undefined ? '' : writeUsd(pico));
  for (const row of answer.rows) {
    const units = unitCosts(row.units, row.costPico, row.unitCost);
    const main = mainUnit(units);
    lines.push(
      csvLine([
        ...groups.map((group) => row.group[group] ?? ''),
        ...[row.generations, row.attempts, row.unpriced, row.estimated, usd(row.costPico)],
        ...[main?.unit ?? '', main?.quantity ?? '', usd(main?.costPico)],
        ...[row.open, row.failed, usd(row.failedPico), usd(row.chargePico), usd(row.avoidedPico), row.cacheHits],
        ...[usd(row.generationCost?.p50), usd(row.generationCost?.p95), usd(main?.p50Pico), usd(main?.p95Pico)],
        JSON.stringify(Object.fromEntries(units.map(({ unit, quantity }) => [unit, quantity]))),
      ]),
    );
  }
  return lines.join('');
}
