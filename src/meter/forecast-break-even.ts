import type { Catalogue } from './catalogue.ts';
import { crossing, type Machines, machinesFor, ownCost } from './forecast-crossing.ts';
import { decimalOf, exact, over, product, shown, usdOf } from './forecast-fraction.ts';
import { baseOf, casesOf, marginalOf, monthHours, type Pair, type SelfHosted } from './forecast-machines.ts';
import { secondsOf } from './forecast-seconds.ts';
import { costOf, knownPico, type Workload } from './forecast-workload.ts';
import { type Fraction, picoOf, writeUsd } from './money.ts';

export type BreakEven = {
  modality: string;
  model: string;
  assumptions: Record<string, unknown>;
  api_unit_cost_usd: string | null;
  self_hosted?: {
    fixed_monthly_usd: Pair<string>;
    marginal_usd_per_output: Pair<string>;
    capacity_per_machine_month: Pair<string>;
  };
  /** From the first volume at which one's own machines cost no more, in the best case and in the worst; null is never. */
  outputs_per_month: [string, string | null] | null;
  /** Volumes from which they never cost more again. */
  always_from?: [string, string | null];
  reason?: string;
  curve?: {
    multiple: number;
    outputs: number;
    api_usd: string;
    self_hosted_usd: Pair<string>;
    machines: Pair<string>;
  }[];
};

/** The volume at which machines of one's own cost no more than the API, between the best and the worst case of what is declared. */
export function breakEvenOf(
  catalogue: Catalogue,
  work: Workload,
  own: SelfHosted,
  at: number,
  multiples: readonly number[],
): BreakEven {
  const bare = { modality: work.modality, model: work.model.id };
  const seconds = secondsOf(work, own.secondsPerOutput);
  const assumptions = {
    gpu_hour_usd: own.gpuHourUsd,
    month_hours: monthHours,
    utilisation: own.utilisation,
    redundancy: own.redundancy,
    fixed_monthly_usd: own.fixedMonthlyUsd,
    extra_usd_per_output: own.extraUsdPerOutput,
    outputs_at_once: own.outputsAtOnce,
    seconds_per_output: seconds?.interval ?? null,
    seconds_source: seconds?.source ?? null,
    output_holds: holdsOf(work),
    quality: 'an output of the own machine is taken to be as good as one of the API',
    steps: 'machines are bought whole: at least as many as redundancy asks, one more whenever the volume needs it',
  };
  const pico = knownPico(costOf(catalogue, work, at));
  const api = pico === undefined || work.outputs <= 0 ? undefined : over(usdOf(pico), exact(work.outputs));
  const apiUnit = { api_unit_cost_usd: api ? writeUsd(picoOf(api)) : null };
  const never = (reason: string): BreakEven => ({ ...bare, assumptions, ...apiUnit, outputs_per_month: null, reason });
  if (!seconds) return never('the seconds of one output are neither declared nor measured');
  const [best, worst] = casesOf(own, seconds.interval);
  const self_hosted = {
    fixed_monthly_usd: [baseOf(best), baseOf(worst)] as Pair<string>,
    marginal_usd_per_output: [marginalOf(best), marginalOf(worst)] as Pair<string>,
    capacity_per_machine_month: [decimalOf(worst.capacity), decimalOf(best.capacity)] as Pair<string>,
  };
  if (!api) return { ...never('the API has no known price'), self_hosted };
  const curve = multiples.map((multiple) => {
    const outputs = product(work.outputs, multiple);
    const volume = exact(outputs);
    const usd = (one: Machines) => writeUsd(picoOf(ownCost(one, volume)));
    return {
      multiple,
      outputs: shown(outputs),
      api_usd: writeUsd(knownPico(costOf(catalogue, work, at, multiple)) ?? 0n),
      self_hosted_usd: [usd(best), usd(worst)] as Pair<string>,
      machines: [String(machinesFor(best, volume)), String(machinesFor(worst, volume))] as Pair<string>,
    };
  });
  const [soon, late] = [crossing(best, api), crossing(worst, api)];
  if (!soon) return { ...never(reasonOf(best, api, 'even in the best case, ')), self_hosted, curve };
  return {
    ...bare,
    assumptions,
    ...apiUnit,
    self_hosted,
    outputs_per_month: [String(soon.first), late ? String(late.first) : null],
    always_from: [String(soon.always), late ? String(late.always) : null],
    ...(late ? {} : { reason: reasonOf(worst, api, 'in the worst case never: ') }),
    curve,
  };
}

/** Countable results of one output: two images of one request are one output. */
function holdsOf({ units, outputs }: Workload): Record<string, number> {
  if (outputs <= 0) return {};
  return Object.fromEntries(Object.entries(units).map(([name, count]) => [name, shown(count / outputs)]));
}

function reasonOf(own: Machines, api: Fraction, before: string): string {
  return `${before}one output of a busy machine costs $${marginalOf(own)}, of the API $${writeUsd(picoOf(api))}`;
}
