import { isObject, type Json, type Model } from '../contract/index.ts';

export type Difference = { capability: string; from: Json; to: Json };

/** Tables that only serve pricing. */
const notShown = ['output_tokens', 'tokens_per_second'];

/** Where two models' inputs and capabilities differ; of two lists only what the other lacks. `null` where nothing is said. */
export function differences(from: Model, to: Model): Difference[] {
  const [one, other] = [factsOf(from), factsOf(to)];
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])].filter((name) => !notShown.includes(name));
  return names.flatMap((capability) => {
    const [first = null, second = null] = [one[capability], other[capability]];
    if (JSON.stringify(first) === JSON.stringify(second)) return [];
    if (!Array.isArray(first) || !Array.isArray(second)) return [{ capability, from: first, to: second }];
    const lacks = (list: Json[], than: Json[]) => than.filter((value) => !list.includes(value) && !isObject(value));
    const only = { from: lacks(second, first), to: lacks(first, second) };
    return only.from.length + only.to.length > 0 ? [{ capability, ...only }] : [];
  });
}

function factsOf(model: Model): Record<string, Json> {
  return { input: model.input ?? [], ...model.capabilities };
}
