import { isObject, type Json, type JsonObject } from '../../src/contract/index.ts';
import { fieldOf } from './field-map.ts';
import { refuse } from './params.ts';
import { type PricedField, pricedField, pricedFields, pricedFigures } from './priced-names.ts';

/**
 * Refuses parameters, however deep, that change what a job costs: quotes, limits and holds are made from the neutral fields alone.
 * @param among the fields that are looked for.
 * @param own paths of this model's own (`voice_setting.speed`) and the neutral fields that they stand for.
 * @throws GatewayError unsupported_parameter that names the neutral field.
 */
export function refusePriced(
  params: JsonObject,
  {
    among = pricedFields,
    own = new Map<string, string>(),
  }: { among?: readonly PricedField[]; own?: Map<string, string> } = {},
): void {
  const look = (value: Json, path: string): void => {
    if (Array.isArray(value)) for (const one of value) look(one, path);
    if (!isObject(value)) return;
    for (const [name, inner] of Object.entries(value)) {
      const place = path === '' ? name : `${path}.${name}`;
      const field = own.get(place) ?? pricedField(name, among);
      if (field !== undefined && inner !== null) throw decides(place, field);
      look(inner, place);
    }
  };
  look(params, '');
}

function decides(place: string, field: string) {
  return refuse(`params.${place}`, `params.${place} decides what this costs: ask for it by "${field}" instead.`);
}

/** Neutral fields beside `pricedFigures` whose places a row's `fields` may name: those cost, too. */
const costly = ['prompt', 'text', 'lyrics', 'image', 'mask', 'video', 'audio', 'speed', 'texture'];

/** The paths under which a row's `fields` put what is paid for. */
export function pricedPaths(fields: JsonObject): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, rule] of Object.entries(fields)) {
    if (!costly.includes(name) && !pricedFigures.includes(name as PricedField)) continue;
    const neutral = name === 'image' ? 'images' : name;
    const field = fieldOf(rule);
    const places = field === undefined ? Object.values(isObject(rule) ? rule : {}) : [field];
    for (const place of places) if (typeof place === 'string') found.set(place, neutral);
    if (isObject(rule) && typeof rule.last === 'string') found.set(rule.last, neutral);
  }
  return found;
}

/**
 * The caller's parameters for a model that is described by its row, `options.fields`. A row may name parameters in `options.params` that
 * do not change the price although they are called like those that do; what is sold by computing time has no price beforehand.
 */
export function rowParams(params: JsonObject, fields: JsonObject, options: JsonObject): JsonObject {
  const billing = isObject(options.billing) ? options.billing.metric : undefined;
  if (billing === 'gpu_seconds') return params;
  const free = Array.isArray(options.params) ? options.params : [];
  const asked = Object.fromEntries(Object.entries(params).filter(([name]) => !free.includes(name)));
  refusePriced(asked, { own: pricedPaths(fields) });
  return params;
}
