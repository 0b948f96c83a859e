import type { SpendAnswer, SpendQuery, SpendRow } from '../books/index.ts';
import { isObject, type Json } from '../contract/index.ts';
import { writeNumber, writeUsd } from '../meter/money.ts';
import { csvLine } from './spend-csv.ts';

/**
 * The FinOps Open Cost and Usage Specification's columns that a gateway has something to say about
 * (https://focus.finops.org/focus-specification/), and our own under `x_`.
 */
const columns = [
  'BilledCost',
  'BillingAccountId',
  'BillingAccountName',
  'BillingCurrency',
  'BillingPeriodStart',
  'BillingPeriodEnd',
  'ChargeCategory',
  'ChargeClass',
  'ChargeDescription',
  'ChargeFrequency',
  'ChargePeriodStart',
  'ChargePeriodEnd',
  'ConsumedQuantity',
  'ConsumedUnit',
  'ContractedCost',
  'ContractedUnitPrice',
  'EffectiveCost',
  'InvoiceIssuerName',
  'ListCost',
  'ListUnitPrice',
  'PricingCategory',
  'PricingQuantity',
  'PricingUnit',
  'ProviderName',
  'PublisherName',
  'ResourceId',
  'ResourceName',
  'ResourceType',
  'ServiceCategory',
  'ServiceName',
  'ServiceSubcategory',
  'SkuId',
  'SkuMeter',
  'SkuPriceDetails',
  'SkuPriceId',
  'SubAccountId',
  'SubAccountName',
  'Tags',
  'x_modality',
  'x_cost_status',
  'x_cost_basis',
  'x_catalogue',
  'x_attempts',
  'x_charge',
  'x_simulated',
] as const;
const placeOf = Object.fromEntries(columns.map((column, place) => [column, place])) as Record<Column, number>;

/** @param tags names of tags to tell charges apart by, separated by commas; "none" for no tags. Absent: all. */
export function focusQuery(query: SpendQuery, tags: string | undefined): SpendQuery {
  const names = tags === undefined || tags === '' ? undefined : tags.split(',');
  const { limit: _, ...rest } = query;
  return {
    ...rest,
    groupBy: [
      ...(['day', 'project', 'key_id', 'key', 'modality', 'provider', 'model'] as const),
      ...(['simulated', 'status', 'basis', 'catalogue', 'sku'] as const),
      ...(tags === 'none' ? [] : (['tags'] as const)),
    ],
    plain: true,
    ...(names && tags !== 'none' ? { tagNames: names } : {}),
  };
}

/** A report of `focusQuery` as charges: one for each day, account, model, price and set of tags. */
export async function* writeFocus(
  steps: AsyncGenerator<SpendRow[], Omit<SpendAnswer, 'rows'>>,
  tenant: string,
): AsyncGenerator<string> {
  yield csvLine(columns);
  const charge = chargesOf(tenant);
  for await (const rows of steps) {
    const text = rows.map(charge).join('');
    if (text !== '') yield text;
  }
}

type Sku = { meter: string; dims: Record<string, string>; model: string; price: string; per: string; priced: boolean };
type Column = (typeof columns)[number];

/** What is the same in many charges, written once. */
type Like = { sku: Sku | undefined; unpriced: boolean; cells: string[] };

/** Different texts that are kept written. */
const mostKept = 5_000;

/** Writes charges, one line each, or none where there is nothing to be charged for. */
function chargesOf(tenant: string): (row: SpendRow) => string {
  const written = kept((text: string) => csvLine([text]).slice(0, -2));
  const tagsWritten = kept((tags: string) => written(JSON.stringify(tagsOf(tags))));
  const periods = kept((day: string) => [...dayOf(day), ...monthOf(day)]);
  const likes = new Map<string, Like>();
  const likeOf = (group: SpendRow['group']): Like => {
    const { provider, model, modality, sku, status, basis, catalogue, simulated } = group;
    const key = `${sku}\n${simulated}\n${provider}\n${modality}\n${status}\n${basis}\n${catalogue}\n${model}`;
    let like = likes.get(key);
    if (!like) {
      like = describe(group, tenant, written);
      if (likes.size >= mostKept) likes.clear();
      likes.set(key, like);
    }
    return like;
  };
  return (row) => {
    const { group, costPico } = row;
    const { sku, unpriced, cells } = likeOf(group);
    // Attempts that were not billable have nothing to be charged for.
    if (!sku && costPico === 0n && !unpriced) return '';
    const line = cells.slice();
    const put = (column: Column, text: string) => {
      line[placeOf[column]] = text;
    };
    const [start = '', end = '', monthStart = '', monthEnd = ''] = periods(group.day ?? '');
    put('BillingPeriodStart', monthStart);
    put('BillingPeriodEnd', monthEnd);
    put('ChargePeriodStart', start);
    put('ChargePeriodEnd', end);
    if (!sku && costPico < 0n) put('ChargeCategory', 'Adjustment');
    if (!unpriced) {
      const cost = writeUsd(costPico);
      put('BilledCost', cost);
      put('ContractedCost', cost);
      put('EffectiveCost', cost);
      // The provider's own figure may differ from its list: the list has the lines alone.
      put('ListCost', sku ? cost : '0');
      put('x_charge', writeUsd(row.chargePico));
    }
    if (sku) {
      for (const unit in row.units) {
        const quantity = row.units[unit]!;
        const name = written(unit);
        put('ConsumedQuantity', writeNumber(quantity));
        put('ConsumedUnit', name);
        if (!sku.priced) break;
        const per = Number(sku.per);
        put('PricingQuantity', writeNumber(quantity / per));
        put('PricingUnit', per === 1 ? name : written(`${per} ${unit}`));
        break;
      }
    }
    put('SubAccountId', written(group.project || (group.key_id ?? '')));
    put('SubAccountName', written(group.project || (group.key ?? '')));
    put('Tags', tagsWritten(group.tags ?? ''));
    put('x_attempts', String(row.attempts));
    return `${line.join(',')}\r\n`;
  };
}

/** The cells that say what was used: all that does not depend on when, how much, and by whom. */
function describe(group: SpendRow['group'], tenant: string, written: (text: string) => string): Like {
  const sku = readSku(group.sku ?? '');
  const unpriced = sku ? !sku.priced : group.status === 'unpriced';
  const model = sku?.model || (group.model ?? '').slice((group.provider ?? '').length + 1);
  const priced = sku?.priced ? sku : undefined;
  const skuId = sku ? [group.provider, model, sku.meter, ...dimsOf(sku)].join('/') : '';
  const per = priced ? Number(priced.per) : 1;
  const cells: Partial<Record<Column, string>> = {
    BillingAccountId: tenant,
    BillingAccountName: tenant,
    BillingCurrency: 'USD',
    ChargeCategory: 'Usage',
    ChargeDescription: sku ? `${group.model} ${sku.meter}` : `${group.model} beyond its priced lines`,
    ChargeFrequency: 'Usage-Based',
    ContractedUnitPrice: priced?.price ?? '',
    InvoiceIssuerName: group.provider ?? '',
    ListUnitPrice: priced?.price ?? '',
    PricingCategory: priced ? 'Standard' : '',
    PricingUnit: priced ? (per === 1 ? '' : `${per} `) : '',
    ProviderName: group.provider ?? '',
    PublisherName: group.provider ?? '',
    ResourceId: group.model ?? '',
    ResourceName: group.model ?? '',
    ResourceType: 'Model',
    ServiceCategory: 'AI and Machine Learning',
    ServiceName: `${group.provider} ${group.modality}`,
    ServiceSubcategory: 'Generative AI',
    SkuId: skuId,
    SkuMeter: sku?.meter ?? '',
    SkuPriceDetails: sku && Object.keys(sku.dims).length > 0 ? JSON.stringify(sku.dims) : '',
    SkuPriceId: priced ? `${skuId}@${priced.price}/${priced.per}` : '',
    x_modality: group.modality ?? '',
    x_cost_status: unpriced ? 'unpriced' : group.status === 'partially_unpriced' ? 'priced' : (group.status ?? ''),
    x_cost_basis: group.basis ?? '',
    x_catalogue: group.catalogue ?? '',
    x_simulated: group.simulated ?? '',
  };
  return { sku, unpriced, cells: columns.map((column) => written(cells[column] ?? '')) };
}

/** Remembers what was made of a text. */
function kept<Value>(make: (text: string) => Value): (text: string) => Value {
  const known = new Map<string, Value>();
  return (text) => {
    let value = known.get(text);
    if (value === undefined) {
      value = make(text);
      if (known.size >= mostKept) known.clear();
      known.set(text, value);
    }
    return value;
  };
}

/** A SKU as the book's reports name it: [meter, dims, model, price, per, priced]. */
function readSku(text: string): Sku | undefined {
  if (text === '') return undefined;
  const [meter, dims, model, price, per, priced] = JSON.parse(text) as Json[];
  return {
    meter: String(meter),
    dims: isObject(dims) ? (dims as Record<string, string>) : {},
    model: String(model),
    price: String(price),
    per: String(per),
    priced: priced === 1,
  };
}

function dimsOf({ dims }: Sku): string[] {
  return Object.entries(dims).map(([name, value]) => `${name}=${value}`);
}

function tagsOf(text: string | undefined): Record<string, string> {
  const tags = text ? (JSON.parse(text) as string[]) : [];
  return Object.fromEntries(tags.map((tag) => [tag.slice(0, tag.indexOf('=')), tag.slice(tag.indexOf('=') + 1)]));
}

function dayOf(day: string): [start: string, end: string] {
  const start = Date.parse(day);
  return [isoOf(start), isoOf(start + 86_400_000)];
}

function monthOf(day: string): [start: string, end: string] {
  const [year = 1970, month = 1] = day.split('-').map(Number);
  return [isoOf(Date.UTC(year, month - 1, 1)), isoOf(Date.UTC(year, month, 1))];
}

function isoOf(time: number): string {
  return new Date(time).toISOString().replace('.000Z', 'Z');
}
