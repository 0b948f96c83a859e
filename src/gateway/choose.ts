import type { Model, Strategy } from '../contract/index.ts';

/** A model that may answer, and what the strategies ask of it. */
export type Candidate = { model: Model; weight?: number; quality?: number };

export type Yardsticks = {
  /** Pico-dollars that it is expected to cost; undefined where no price is known. */
  costOf: (model: Model) => bigint | undefined;
  /** Milliseconds that an answer is expected to take; undefined where nothing is known. */
  latencyOf: (model: Model) => number | undefined;
  /** From 0 to 1. */
  dice: () => number;
};

/**
 * Puts candidates in the order in which they are tried. `cheapest` puts unknown prices last; `fastest` puts models that nothing is
 * known of first, so that they become known; `quality` goes by the given figures, highest first, and by the given order where there
 * are none; `weighted` draws without replacement. Equal ones keep their order.
 */
export function arrange(
  candidates: readonly Candidate[],
  strategy: Strategy,
  { costOf, latencyOf, dice }: Yardsticks,
): Model[] {
  if (candidates.length === 1) return [candidates[0]!.model];
  switch (strategy) {
    case 'fallback':
      return candidates.map(({ model }) => model);
    case 'weighted':
      return drawn(candidates, dice());
    case 'cheapest':
      return sortedBy(
        candidates,
        ({ model }) => costOf(model),
        (one, other) => (one < other ? -1 : one > other ? 1 : 0),
      );
    case 'fastest':
      return sortedBy(
        candidates,
        ({ model }) => latencyOf(model) ?? -1,
        (one, other) => one - other || 0,
      );
    case 'quality':
      return sortedBy(
        candidates,
        ({ quality }) => quality,
        (one, other) => other - one,
      );
  }
}

function sortedBy<T>(
  candidates: readonly Candidate[],
  measure: (candidate: Candidate) => T | undefined,
  compare: (one: T, other: T) => number,
): Model[] {
  return candidates
    .map((candidate) => ({ model: candidate.model, value: measure(candidate) }))
    .sort((one, other) => {
      if (one.value === undefined || other.value === undefined) {
        return Number(one.value === undefined) - Number(other.value === undefined);
      }
      return compare(one.value, other.value);
    })
    .map(({ model }) => model);
}

/** The first by lot, then the others by what is left of the same throw. */
function drawn(candidates: readonly Candidate[], thrown: number): Model[] {
  const left = [...candidates];
  const order: Model[] = [];
  let dice = thrown;
  while (left.length > 0) {
    const total = left.reduce((sum, { weight = 1 }) => sum + weight, 0);
    let place = dice * total;
    let chosen = 0;
    while (chosen < left.length - 1 && place >= (left[chosen]!.weight ?? 1)) {
      place -= left[chosen]!.weight ?? 1;
      chosen++;
    }
    dice = Math.min(0.999999999, place / (left[chosen]!.weight ?? 1));
    order.push(left.splice(chosen, 1)[0]!.model);
  }
  return order;
}
