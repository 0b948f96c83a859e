import { type Meter, type Metered, type Model, numberAt } from '../contract/index.ts';
import type { Catalogue } from './catalogue.ts';
import { type Difference, differences } from './forecast-differences.ts';
import { product } from './forecast-fraction.ts';
import { expectedOf } from './forecast-profile.ts';
import { type Bundle, costOf, knownPico, tokensOf, unitPico, type Workload } from './forecast-workload.ts';
import { writeUsd } from './money.ts';

export type Substitution = {
  modality: string;
  from: string;
  to: string;
  unit_cost_from: string;
  unit_cost_to: string;
  saving_usd_per_month: string;
  cost_status: string;
  differs: Difference[];
  assumptions: string[];
};

/** How many cheaper models are named for one. */
const mostNamed = 5;

/** Meters that mean the same with every model; image and audio tokens do not. */
const neutral: readonly Meter[] = [
  'images',
  'songs',
  'models_3d',
  'megapixels',
  'input_characters',
  'input_audio_seconds',
  'output_audio_seconds',
  'output_video_seconds',
];

/** What a model that has no such price counts as its ordinary text. */
const ordinary: Partial<Record<Meter, Meter>> = {
  cached_input_tokens: 'input_text_tokens',
  cache_write_tokens: 'input_text_tokens',
  cache_write_5m_tokens: 'input_text_tokens',
  cache_write_1h_tokens: 'input_text_tokens',
  reasoning_tokens: 'output_text_tokens',
};

/**
 * Models of the same modality that make the month's outputs for less, cheapest first, five at most. What either price does not know is
 * no candidate.
 */
export function substitutionsOf(
  catalogue: Catalogue,
  work: Workload,
  candidates: readonly Model[],
  at: number,
): Substitution[] {
  const now = costOf(catalogue, work, at);
  const [whole, each] = [knownPico(now), unitPico(now, work.outputs)];
  if (whole === undefined || each === undefined) return [];
  const found = candidates.flatMap((to) => {
    if (to.modality !== work.modality || to.id === work.model.id || !canMake(to, work)) return [];
    for (const work2 of movedTo(catalogue, work, to)) {
      const cost = costOf(catalogue, work2, at);
      const [pico, unit] = [knownPico(cost), unitPico(cost, work.outputs)];
      if (pico === undefined || unit === undefined) continue;
      return pico < whole ? [{ to, pico, unit, status: cost.status, assumptions: work2.assumptions }] : [];
    }
    return [];
  });
  found.sort((one, other) => (one.pico < other.pico ? -1 : one.pico > other.pico ? 1 : 0));
  return found.slice(0, mostNamed).map(({ to, pico, unit, status, assumptions }) => ({
    modality: work.modality,
    from: work.model.id,
    to: to.id,
    unit_cost_from: writeUsd(each),
    unit_cost_to: writeUsd(unit),
    saving_usd_per_month: writeUsd(whole - pico),
    cost_status: status,
    differs: differences(work.model, to),
    assumptions,
  }));
}

/** False where what is asked for is known to be beyond a model: its context, or the lengths that it makes. */
function canMake(to: Model, { bundles, asked }: Workload): boolean {
  const most = numberAt(to.capabilities, 'context_tokens');
  const [shortest, longest] = ['min', 'max'].map((end) => numberAt(to.capabilities, 'seconds', end));
  const { seconds } = asked;
  if (seconds !== undefined && (seconds < (shortest ?? 0) || seconds > (longest ?? seconds))) return false;
  return most === undefined || bundles.every((bundle) => bundle.calls <= 0 || tokensOf(bundle) / bundle.calls <= most);
}

type Moved = Pick<Workload, 'model' | 'bundles' | 'estimated'> & { assumptions: string[] };

/** The same work with another model, in the ways that can be tried; the first that has prices for all of it holds. */
function* movedTo(catalogue: Catalogue, work: Workload, to: Model): Generator<Moved> {
  const sold = new Set(catalogue.meters(to.provider, to.upstream));
  if (sold.size === 0) return;
  const metered = work.bundles.flatMap((bundle) => bundle.metered);
  const same = { model: to, estimated: work.estimated };
  if (work.modality === 'text' || work.modality === 'embedding') {
    const assumptions = ["tokens as the first model's tokenizer counts them"];
    if (metered.some((one) => foldedMeter(one, sold) !== one.meter)) {
      assumptions.push('what is cached or reasoned apart is counted as ordinary text where there is no price for it');
    }
    yield { ...same, bundles: work.bundles.map((bundle) => folded(bundle, sold)), assumptions };
    return;
  }
  if (metered.length > 0 && metered.every((one) => neutral.includes(one.meter) && sold.has(one.meter))) {
    const bundles = work.bundles.map(({ calls, metered: lines }) => ({ calls, metered: lines }));
    yield { ...same, bundles, assumptions: [] };
  }
  const { metered: one, assumptions } = expectedOf(catalogue, to, work.asked);
  const all = one.map((line) => ({ ...line, quantity: product(line.quantity, work.outputs) }));
  if (all.some((line) => line.quantity > 0)) {
    yield { model: to, estimated: true, bundles: [{ calls: work.outputs, metered: all }], assumptions };
  }
}

function foldedMeter(one: Metered, sold: ReadonlySet<Meter>): Meter {
  return sold.has(one.meter) ? one.meter : (ordinary[one.meter] ?? one.meter);
}

function folded({ calls, metered }: Bundle, sold: ReadonlySet<Meter>): Bundle {
  return {
    calls,
    metered: metered.map(({ meter, quantity, dims }) => ({
      meter: foldedMeter({ meter, quantity }, sold),
      quantity,
      ...(dims ? { dims } : {}),
    })),
  };
}
