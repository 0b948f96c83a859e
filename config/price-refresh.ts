import type { BasePrices, Meter, Price } from '../src/contract/index.ts';
import type { ForeignPrice } from './foreign-catalogue.ts';
import { holdsOn } from './holds-on.ts';
import { type Diff, diffPrices, nameOf, type Proposal, propose } from './price-diff.ts';

/** What the base says of the models that our own files price, on a day: the other half of a comparison. */
function baseOfOwn(own: readonly Price[], base: BasePrices, day: string): ForeignPrice[] {
  const models = new Map(own.map((price) => [`${price.provider}/${price.model}`, price]));
  return [...models.values()].flatMap(({ provider, model }) =>
    (base.of(provider, model) ?? []).filter((price) => holdsOn(price, day)).map(comparable),
  );
}

/** A change of what models that only the base prices would cost. */
export type BaseChange = { where: string; change: 'new' | 'changed' | 'gone'; before?: string; after?: string };

/**
 * What another version of the base changes for models that our own files are silent about: these would change without a row of ours.
 * @param own our files: their models are left out.
 */
export function baseChanges(
  own: readonly Price[],
  now: readonly ForeignPrice[],
  then: readonly ForeignPrice[],
): BaseChange[] {
  const silent = new Set(own.map((price) => `${price.provider}/${price.model}`));
  const indexed = (prices: readonly ForeignPrice[]) =>
    new Map(
      prices
        .filter((price) => !silent.has(`${price.provider}/${price.model}`))
        .map((price) => [nameOf(price), `${price.price} per ${price.per}`]),
    );
  const [before, after] = [indexed(now), indexed(then)];
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((where): BaseChange[] => {
    const [one, other] = [before.get(where), after.get(where)];
    if (one === other) return [];
    if (one === undefined) return [{ where, change: 'new', after: other }];
    if (other === undefined) return [{ where, change: 'gone', before: one }];
    return [{ where, change: 'changed', before: one, after: other }];
  });
}

/** A refresh as a file to read: nothing in it holds until somebody moves it into config/prices. */
export type Review = {
  source: string;
  checked: string;
  /** Hash of the catalogue that it was held against. */
  against: string;
  providers: Record<string, Proposal[]>;
  base?: BaseChange[];
};

/** What a catalogue would change for every provider of ours, or for one. New models are proposed only where `all`. */
export function reviewOf(
  diff: Diff,
  found: { source: string; checked: string; against: string; providers: readonly string[]; all?: boolean },
): Review {
  const { source, checked, against, all } = found;
  const asked = all ? diff : { ...diff, unknown: [] };
  const providers = found.providers
    .map((provider) => [provider, propose(asked, provider, checked)] as const)
    .filter(([, proposals]) => proposals.length > 0);
  return { source, checked, against, providers: Object.fromEntries(providers) };
}

/**
 * Our prices against the pinned base, each model under our name for it. What we lack is left out where it says nothing new: a price that
 * only spreads another one, or that we have for all models.
 */
export function diffBase(own: readonly Price[], base: BasePrices, day: string): Diff {
  const theirs = baseOfOwn(own, base, day);
  const rates = new Set(theirs.map((price) => rateOf(price)));
  const common = new Set(own.filter(({ model }) => model === '*').map(({ provider, meter }) => `${provider} ${meter}`));
  const diff = diffPrices(own, theirs, day);
  const lacking = diff.lacking.filter((price) => {
    const wider = spread[price.meter];
    return !common.has(`${price.provider} ${price.meter}`) && !(wider && rates.has(rateOf({ ...price, meter: wider })));
  });
  return { ...diff, lacking };
}

/** Meters that the base prices as another one unless it says otherwise. */
const spread: Partial<Record<Meter, Meter>> = {
  input_image_tokens: 'input_text_tokens',
  input_video_tokens: 'input_text_tokens',
  cached_input_image_tokens: 'cached_input_tokens',
  cache_write_tokens: 'cache_write_5m_tokens',
  cache_write_5m_tokens: 'cache_write_tokens',
};

function rateOf(price: ForeignPrice): string {
  return `${nameOf(price)} ${price.price}`;
}

/** Its tiers begin at 271999 where others print 272000: the same cliff. */
function comparable({ provider, model, meter, price, per, dims, contextOver }: Price): ForeignPrice {
  const over = contextOver !== undefined && contextOver % 1000 === 999 ? contextOver + 1 : contextOver;
  return {
    provider,
    model,
    meter,
    price,
    per,
    ...(dims ? { dims } : {}),
    ...(over === undefined ? {} : { contextOver: over }),
  };
}
