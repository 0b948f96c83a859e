import { type Meter, meters, type PicoUsd } from '../contract/index.ts';
import { readCsv } from './csv.ts';
import { parseUsd } from './money.ts';

/** One line of a provider's statement. `meter` is one of ours, a unit (tokens, images), or empty where it is told by model alone. */
export type StatementLine = {
  /** Milliseconds, where it has a date. */
  at?: number;
  model: string;
  meter: string;
  quantity: number | undefined;
  costPico: PicoUsd | undefined;
};

export type StatementColumn = 'date' | 'model' | 'meter' | 'quantity' | 'cost' | 'currency';

export type Statement = {
  lines: StatementLine[];
  /** Which header was taken for what. */
  columns: Record<string, string>;
  /** Rows that say nothing: without a model, or without any figure. */
  ignored: number;
};

/** Headers of common exports, lower case with single underscores. */
const headers: Record<StatementColumn, string[]> = {
  date: [
    'date',
    'day',
    'usage_date',
    'usage_date_utc',
    'start_time',
    'start_time_iso',
    'timestamp',
    'chargeperiodstart',
    'period_start',
  ],
  model: ['model', 'model_version', 'model_name', 'model_id', 'line_item', 'resourcename', 'endpoint', 'sku'],
  meter: ['meter', 'unit', 'usage_type', 'token_type', 'metric', 'skumeter', 'consumedunit', 'type'],
  quantity: ['quantity', 'consumedquantity', 'usage', 'units', 'usage_quantity', 'count', 'amount_used'],
  cost: [
    'cost',
    'cost_usd',
    'amount_value',
    'billedcost',
    'total_cost',
    'total_cost_usd',
    'amount',
    'amount_usd',
    'spend',
    'price_usd',
  ],
  currency: ['currency', 'amount_currency', 'billingcurrency', 'cost_currency'],
};

/** Headers that are quantities themselves, one column for each meter. */
const wide: Record<string, Meter> = {
  input_tokens: 'input_text_tokens',
  input_uncached_tokens: 'input_text_tokens',
  uncached_input_tokens: 'input_text_tokens',
  usage_input_tokens_no_cache: 'input_text_tokens',
  input_cached_tokens: 'cached_input_tokens',
  cached_input_tokens: 'cached_input_tokens',
  cache_read_input_tokens: 'cached_input_tokens',
  usage_input_tokens_cache_read: 'cached_input_tokens',
  usage_input_tokens_cache_write_5m: 'cache_write_5m_tokens',
  usage_input_tokens_cache_write_1h: 'cache_write_1h_tokens',
  output_tokens: 'output_text_tokens',
  usage_output_tokens: 'output_text_tokens',
  input_audio_tokens: 'input_audio_tokens',
  output_audio_tokens: 'output_audio_tokens',
  num_images: 'images',
  images: 'images',
  num_characters: 'input_characters',
  characters: 'input_characters',
};

/** Other words for meters and units. */
const words: Record<string, string> = {
  input: 'input_text_tokens',
  input_tokens: 'input_text_tokens',
  prompt_tokens: 'input_text_tokens',
  input_no_cache: 'input_text_tokens',
  uncached_input_tokens: 'input_text_tokens',
  cached_input: 'cached_input_tokens',
  cached_tokens: 'cached_input_tokens',
  input_cache_read: 'cached_input_tokens',
  cache_read_input_tokens: 'cached_input_tokens',
  input_cache_write_5m: 'cache_write_5m_tokens',
  input_cache_write_1h: 'cache_write_1h_tokens',
  output: 'output_text_tokens',
  output_tokens: 'output_text_tokens',
  completion_tokens: 'output_text_tokens',
  token: 'tokens',
  image: 'images',
  second: 'seconds',
  character: 'characters',
  song: 'songs',
};

/**
 * Reads a usage export: a header, then rows with a model and quantities or costs. Its columns are found by their names.
 * @param named columns by their header, where the names are others.
 * @throws RangeError with a reason: no model, no figures, a figure that is none, another currency than dollars.
 */
export function readStatement(text: string, named: Partial<Record<StatementColumn, string>> = {}): Statement {
  const [head, ...rows] = readCsv(text);
  if (!head) throw new RangeError('There is no header.');
  const names = head.map(plain);
  const places = placesOf(head, names, named);
  const meterPlaces = names.flatMap((name, place) =>
    wide[name] && place !== places.quantity ? [{ place, meter: wide[name], name }] : [],
  );
  if (places.model === undefined) throw new RangeError(`No column names the model: there are ${head.join(', ')}.`);
  if (places.cost === undefined && places.quantity === undefined && meterPlaces.length === 0) {
    throw new RangeError(`No column has a quantity or a cost: there are ${head.join(', ')}.`);
  }
  const statement: Statement = { lines: [], columns: {}, ignored: 0 };
  for (const [column, place] of Object.entries(places)) statement.columns[column] = head[place]!;
  for (const { place, meter } of meterPlaces) statement.columns[meter] = head[place]!;
  for (const row of rows) {
    const found = linesOf(row, places, places.quantity === undefined ? meterPlaces : []);
    if (found.length === 0) statement.ignored++;
    statement.lines.push(...found);
  }
  return statement;
}

type Places = Partial<Record<StatementColumn, number>>;

function placesOf(head: string[], names: string[], named: Partial<Record<StatementColumn, string>>): Places {
  const places: Places = {};
  for (const column of Object.keys(headers) as StatementColumn[]) {
    const wanted = named[column];
    const candidates = wanted === undefined ? headers[column] : [plain(wanted)];
    const place = candidates.map((name) => names.indexOf(name)).find((index) => index >= 0);
    if (place === undefined && wanted !== undefined) {
      throw new RangeError(`There is no column "${wanted}": there are ${head.join(', ')}.`);
    }
    if (place !== undefined) places[column] = place;
  }
  return places;
}

function linesOf(
  row: string[],
  places: Places,
  meterPlaces: { place: number; meter: Meter; name: string }[],
): StatementLine[] {
  const cell = (place: number | undefined) => (place === undefined ? '' : (row[place] ?? '').trim());
  const model = cell(places.model);
  const currency = cell(places.currency).toUpperCase();
  if (currency !== '' && currency !== 'USD')
    throw new RangeError(`The costs are in ${currency}, the ledger is in USD.`);
  if (model === '') return [];
  const at = timeOf(cell(places.date));
  const shared = { model, ...(at === undefined ? {} : { at }) };
  const costText = cell(places.cost).replace(/[$,\s]/g, '');
  const costPico = costText === '' ? undefined : readCost(costText);
  if (meterPlaces.length > 0) {
    const lines: StatementLine[] = [];
    // An export that counts cached tokens beside all of the input counts them in it.
    const cached = meterPlaces.find((one) => one.name === 'input_cached_tokens');
    for (const { place, meter, name } of meterPlaces) {
      const quantity = readQuantity(cell(place));
      if (quantity === undefined || quantity === 0) continue;
      const inside = cached && name === 'input_tokens' ? (readQuantity(cell(cached.place)) ?? 0) : 0;
      lines.push({ ...shared, meter, quantity: quantity - inside, costPico: undefined });
    }
    if (costPico !== undefined) lines.push({ ...shared, meter: '', quantity: undefined, costPico });
    return lines;
  }
  const quantity = readQuantity(cell(places.quantity));
  if (quantity === undefined && costPico === undefined) return [];
  return [{ ...shared, meter: meterOf(cell(places.meter)), quantity, costPico }];
}

function meterOf(text: string): string {
  const name = plain(text);
  if ((meters as readonly string[]).includes(name)) return name;
  return words[name] ?? name;
}

function readCost(text: string): PicoUsd {
  try {
    return parseUsd(text);
  } catch {
    throw new RangeError(`"${text}" is no amount of money.`);
  }
}

function readQuantity(text: string): number | undefined {
  const digits = text.replace(/[,\s]/g, '');
  if (digits === '') return undefined;
  const quantity = Number(digits);
  if (!Number.isFinite(quantity)) throw new RangeError(`"${text}" is no quantity.`);
  return quantity;
}

function timeOf(text: string): number | undefined {
  if (text === '') return undefined;
  const time = /^\d{9,11}$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  return Number.isFinite(time) ? time : undefined;
}

function plain(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_|_$/g, '');
}
