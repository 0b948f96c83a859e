import { type BudgetUnit, type Demand, type Refusal, unitDigits } from '../books/index.ts';
import {
  GatewayError,
  isObject,
  type Json,
  type Modality,
  type Model,
  numberAt,
  type Receipt,
} from '../contract/index.ts';
import { writeScaled, writeUsd } from '../meter/money.ts';
import type { Asked } from '../meter/quote.ts';
import type { Gateway } from './gateway.ts';
import { quoteOf } from './quote-of.ts';

/** Millionths of a unit, as budgets count. */
const scale = 10 ** unitDigits;

/** Which meters of a bound count under which unit of budgets. */
const metersOf: Partial<Record<BudgetUnit, readonly string[]>> = {
  characters: ['input_characters'],
  images: ['images'],
  songs: ['songs'],
  models_3d: ['models_3d'],
  video_seconds: ['output_video_seconds'],
  audio_seconds: ['input_audio_seconds', 'output_audio_seconds'],
};

/** What a call may come to: quantities of the worst case by meter, and what it asks for. */
type Worth = { bound: Json; asked: Asked };

/**
 * The most that a call can consume, as budgets count it. Money is left out where the worst case has no full price or no end: then
 * nothing bounds it.
 */
export function demandOf(gateway: Gateway, model: Model, { bound, asked }: Worth, at: number): Demand {
  const { max } = quoteOf(gateway, model, asked, at);
  const demand: Demand = max === undefined ? {} : { usd: max };
  if (!isObject(bound)) return demand;
  const add = (unit: keyof Demand, quantity: number) => {
    if (quantity > 0) demand[unit] = BigInt(Math.ceil(quantity * scale));
  };
  for (const [unit, meters] of Object.entries(metersOf)) {
    add(unit as keyof Demand, Math.max(...meters.map((meter) => numberAt(bound, meter) ?? 0)));
  }
  const tokens = Object.keys(bound).filter((meter) => meter.endsWith('_tokens'));
  const most = tokens.reduce((sum, meter) => sum + (numberAt(bound, meter) ?? 0), 0);
  const answer = asked.maxOutputTokens ?? model.maxOutputTokens ?? most;
  add('tokens', asked.modality === 'text' ? asked.bytes + answer : most);
  return demand;
}

/** What an attempt consumed, by unit of budgets. */
export function consumedBy(
  modality: Modality,
  receipt: Receipt,
  units: Readonly<Record<string, number>> | undefined,
): Record<string, number> {
  const consumed: Record<string, number> = {};
  for (const { meter, quantity } of receipt.lines) {
    if (meter.endsWith('_tokens')) consumed.tokens = (consumed.tokens ?? 0) + quantity;
  }
  if (!units) return consumed;
  const { images, seconds, characters, songs, models } = units;
  if (images) consumed.images = images;
  if (seconds) consumed[modality === 'video' ? 'video_seconds' : 'audio_seconds'] = seconds;
  if (characters) consumed.characters = characters;
  if (songs) consumed.songs = songs;
  if (models) consumed.models_3d = models;
  return consumed;
}

/** Refuses a call whose worst case is dearer than the caller allows. @param most pico-dollars. */
export function checkMost(model: Model, demand: Demand, most: bigint): void {
  const param = 'max_cost_usd';
  if (demand.usd === undefined) throw unpriced(model, `max_cost_usd cannot be kept`, param);
  if (demand.usd <= most) return;
  throw new GatewayError('budget_exhausted', {
    message: `${model.id} may cost up to $${writeUsd(demand.usd)} for this, more than max_cost_usd of $${writeUsd(most)}.`,
    param,
    facts: { worst_case_usd: writeUsd(demand.usd), max_cost_usd: writeUsd(most) },
    failure: 'A',
    billing: 'none',
  });
}

/** What a caller is told where a budget did not let its call begin. Nothing was sent. */
export function refusedByBudget(model: Model, refusal: Refusal): GatewayError {
  const { budget, reason, spent, held, wanted, retryAfterMs } = refusal;
  if (reason === 'unpriced') return unpriced(model, `the budget ${budget.id} cannot be kept`, 'model');
  const amount = (value: bigint) => (budget.unit === 'usd' ? `$${writeUsd(value)}` : writeScaled(value, unitDigits));
  const unit = budget.unit === 'usd' ? '' : ` ${budget.unit}`;
  const free = budget.amount - spent - held;
  const facts = {
    budget: budget.id,
    scope: budget.scope,
    unit: budget.unit,
    window: budget.window,
    limit: amount(budget.amount),
    spent: amount(spent),
    held: amount(held),
    available: amount(free > 0n ? free : 0n),
    worst_case: amount(wanted),
  };
  const code = {
    exhausted: 'budget_exhausted',
    too_large: 'budget_exhausted',
    in_flight: 'budget_in_flight',
    rate: 'rate_limited',
  } as const;
  return new GatewayError(budget.window === 'concurrent' ? 'rate_limited' : code[reason], {
    message: `The ${budget.scope}'s limit of ${amount(budget.amount)}${unit} (${budget.window}) has ${facts.available} left; this call may need ${facts.worst_case}.`,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    facts,
    failure: 'A',
    billing: 'none',
  });
}

function unpriced(model: Model, consequence: string, param: string): GatewayError {
  return new GatewayError('unpriced_model', {
    message: `The worst case of ${model.id} has no known price, so ${consequence}.`,
    param,
    failure: 'A',
    billing: 'none',
  });
}
