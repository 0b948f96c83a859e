import type { Forecast } from '../meter/forecast.ts';
import type { BreakEven } from '../meter/forecast-break-even.ts';
import { totalOf } from './report.ts';
import { type Column, layOut, type Paint, shortNumber } from './terminal.ts';

export type ForecastAnswer = Pick<Forecast, 'rows' | 'total' | 'break_even'>;

/** A forecast as the lines of a terminal: what each modality costs at each multiple of its volume, then one line of break-even. */
export function forecastLines(answer: ForecastAnswer, paint: Paint): string[] {
  if (answer.rows.length === 0) return ['The book has nothing to forecast from.'];
  const multiples = answer.total.map((total) => total.multiple);
  const columns: Column[] = [
    { title: 'modality' },
    { title: 'outputs a month', align: 'right' },
    ...multiples.map((multiple): Column => ({ title: `${multiple}x`, align: 'point' })),
  ];
  const modalities = [...new Set(answer.rows.map((row) => row.modality))];
  const cells = modalities.map((modality) => {
    const of = answer.rows.filter((row) => row.modality === modality);
    const costs = multiples.map((_, place) => {
      const points = of.flatMap((row) => row.curve[place] ?? []);
      const known = points.flatMap((point) => point.cost_usd ?? []);
      const whole = points.every((point) => !/unpriced/.test(point.cost_status));
      return known.length === 0 ? 'unpriced' : `$${shortNumber(totalOf(known))}${whole ? '' : '+'}`;
    });
    return [modality, outputs(of.reduce((total, row) => total + row.per_month, 0)), ...costs];
  });
  const all = answer.rows.reduce((total, row) => total + row.per_month, 0);
  const totals = answer.total.map(({ cost_usd, unpriced }) => {
    return cost_usd === null ? 'unpriced' : `$${shortNumber(cost_usd)}${unpriced > 0 ? '+' : ''}`;
  });
  cells.push(['total', outputs(all), ...totals]);
  const table = layOut(columns, cells, paint, (line, row) => (row === modalities.length ? paint('bold', line) : line));
  const unpriced = answer.total[0]?.unpriced ?? 0;
  return [
    ...table.split('\n'),
    ...(unpriced > 0
      ? [`+ and what has no known price: ${outputs(unpriced / (multiples[0] ?? 1))} outputs a month.`]
      : []),
    '',
    breakEvenLine(answer.break_even),
  ];
}

/** The first comparison that pays in its best case, else the first at all. */
function breakEvenLine(found: readonly BreakEven[]): string {
  const one = found.find((row) => row.outputs_per_month) ?? found[0];
  if (!one) return 'Break-even: nothing in this mix is set against a machine of your own.';
  const { assumptions: assumed, outputs_per_month: pays } = one;
  const head = `Break-even: ${one.model} at $${one.api_unit_cost_usd ?? '?'} an output`;
  const seconds = assumed.seconds_per_output;
  if (!seconds) return `${head}: not known, ${one.reason}.`;
  const machine = `a machine of your own ($${range(assumed.gpu_hour_usd)} an hour, ${range(seconds)} s an output, ${range(
    assumed.utilisation,
    100,
  )} % busy)`;
  if (!pays) return `${head} never pays against ${machine}: ${one.reason}.`;
  const [best, worst] = pays;
  const late = worst === null ? 'never at worst' : `from ${worst} at worst`;
  return `${head} against ${machine}: the machine pays from ${best} outputs a month at best, ${late}.`;
}

function range(interval: unknown, scale = 1): string {
  const list = Array.isArray(interval) ? interval : [interval];
  const numbers = list.map((value) => shortNumber(String(Number(value) * scale)));
  return [...new Set(numbers)].join(' to ');
}

/** Counts need no more than a point or two. */
function outputs(count: number): string {
  return String(Math.round(count * 100) / 100);
}
