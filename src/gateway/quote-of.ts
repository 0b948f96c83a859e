import type { Model } from '../contract/index.ts';
import { type Asked, type Quote, quote } from '../meter/quote.ts';
import type { Gateway } from './gateway.ts';
import { withHours } from './hours.ts';

/** What a call would cost with one model, at its provider's price of that hour. @param at ms, UTC. */
export function quoteOf(
  gateway: Pick<Gateway, 'catalogue' | 'upstreams'>,
  model: Model,
  asked: Asked,
  at: number,
): Quote {
  const quirks = gateway.upstreams.get(model.provider)?.row.quirks;
  return quote(gateway.catalogue, model, asked, at, (usage) => withHours(usage, quirks, at) ?? usage);
}
