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
  for await (const rows of steps) yield rows.map((row) => charge(row, tenant)).join('');
}

type Sku = { meter: string; dims: Record<string, string>; model: string; price: string; per: string; priced: boolean };

function charge(row: SpendRow, tenant: string): string {
  const { group, costPico } = row;
  const sku = readSku(group.sku ?? '');
  const unpriced = sku ? !sku.priced : group.status === 'unpriced';
  // Attempts that were not billable have nothing to be charged for.
  if (!sku && costPico === 0n && !unpriced) return '';
  const [unit = '', quantity] = Object.entries(row.units)[0] ?? [];
  const model = sku?.model || (group.model ?? '').slice((group.provider ?? '').length + 1);
  const cost = unpriced ? '' : writeUsd(costPico);
  const priced = sku?.priced ? sku : undefined;
  const skuId = sku ? [group.provider, model, sku.meter, ...dimsOf(sku)].join('/') : '';
  const [start, end] = dayOf(group.day ?? '');
  const [monthStart, monthEnd] = monthOf(group.day ?? '');
  const per = priced ? Number(priced.per) : 1;
  const cells: Record<(typeof columns)[number], string | number> = {
    BilledCost: cost,
    BillingAccountId: tenant,
    BillingAccountName: tenant,
    BillingCurrency: 'USD',
    BillingPeriodStart: monthStart,
    BillingPeriodEnd: monthEnd,
    ChargeCategory: sku || costPico >= 0n ? 'Usage' : 'Adjustment',
    ChargeClass: '',
    ChargeDescription: sku ? `${group.model} ${sku.meter}` : `${group.model} beyond its priced lines`,
    ChargeFrequency: 'Usage-Based',
    ChargePeriodStart: start,
    ChargePeriodEnd: end,
    ConsumedQuantity: sku && quantity !== undefined ? writeNumber(quantity) : '',
    ConsumedUnit: sku ? unit : '',
    ContractedCost: cost,
    ContractedUnitPrice: priced?.price ?? '',
    EffectiveCost: cost,
    InvoiceIssuerName: group.provider ?? '',
    // The provider's own figure may differ from its list: the list has the lines alone.
    ListCost: unpriced ? '' : sku ? cost : '0',
    ListUnitPrice: priced?.price ?? '',
    PricingCategory: priced ? 'Standard' : '',
    PricingQuantity: priced && quantity !== undefined ? writeNumber(quantity / per) : '',
    PricingUnit: priced ? (per === 1 ? unit : `${per} ${unit}`) : '',
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
    SubAccountId: group.project || (group.key_id ?? ''),
    SubAccountName: group.project || (group.key ?? ''),
    Tags: JSON.stringify(tagsOf(group.tags)),
    x_modality: group.modality ?? '',
    x_cost_status: unpriced ? 'unpriced' : group.status === 'partially_unpriced' ? 'priced' : (group.status ?? ''),
    x_cost_basis: group.basis ?? '',
    x_catalogue: group.catalogue ?? '',
    x_attempts: row.attempts,
    x_charge: unpriced ? '' : writeUsd(row.chargePico),
    x_simulated: group.simulated ?? '',
  };
  return csvLine(columns.map((column) => cells[column]));
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
