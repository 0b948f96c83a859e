import { GatewayError, isObject, type Json, type MediaRequest, type Model, numberAt } from '../contract/index.ts';

/** Which capability speaks of which field of a request. */
export const capabilityWords: Readonly<Record<string, string>> = {
  size: 'sizes',
  ratio: 'ratios',
  quality: 'qualities',
  format: 'formats',
  background: 'backgrounds',
  voice: 'voices',
  resolution: 'resolutions',
};
const ranges: Record<string, string> = { n: 'n', speed: 'speed', seconds: 'seconds', dimensions: 'dimensions' };
const longest: Record<string, string> = { text: 'max_characters' };
/** Fields that a model may have no place for at all, said by `false`. */
const flags: Record<string, string> = { images: 'edits', lyrics: 'lyrics', audio: 'audio' };

/**
 * Refuses what a model cannot make, before anything is sent: typed ranges and words of its row in config/models.json. What the row
 * says nothing about passes.
 * @throws GatewayError invalid_request naming the field and what is allowed.
 */
export function checkCapabilities(model: Model, request: MediaRequest): void {
  const { capabilities } = model;
  if (!capabilities) return;
  for (const [field, value] of Object.entries(request)) {
    if (value === undefined) continue;
    const word = capabilityWords[field];
    if (word && typeof value === 'string') checkWord(model, field, value, capabilities[word]);
    if (ranges[field] && typeof value === 'number') checkNumber(model, field, value, capabilities[ranges[field]]);
    if (longest[field] && typeof value === 'string')
      checkLength(model, field, value, numberAt(capabilities, longest[field]));
    if (flags[field] && capabilities[flags[field]] === false && value !== false) {
      throw refused(model, field, `${model.id} takes no ${field}.`, []);
    }
  }
  const most = numberAt(capabilities, 'max_images');
  if (most !== undefined && 'images' in request && (request.images?.length ?? 0) > most) {
    throw refused(model, 'images', `${model.id} takes at most ${most} images.`, most);
  }
}

/**
 * Refuses a request without what its model needs beside words.
 * @throws GatewayError invalid_request naming the field.
 */
export function checkRequired(model: Model, request: MediaRequest): void {
  const required = model.capabilities?.requires;
  if (!Array.isArray(required)) return;
  const given = { image: 'images', mask: 'mask', video: 'video' } as const;
  for (const word of ['image', 'mask', 'video'] as const) {
    const field = given[word];
    const value: unknown = field in request ? request[field as keyof MediaRequest] : undefined;
    const missing = value === undefined || (Array.isArray(value) && value.length === 0);
    if (required.includes(word) && missing) throw refused(model, field, `${model.id} needs ${field}.`, required);
  }
}

/** "auto" leaves the choice to the provider and is never refused. */
function checkWord(model: Model, field: string, value: string, allowed: Json | undefined): void {
  if (value === 'auto' || allowed === undefined) return;
  if (Array.isArray(allowed)) {
    if (allowed.includes(value)) return;
    throw refused(model, field, `${model.id} has no ${field} "${value}"; it has: ${allowed.join(', ')}.`, allowed);
  }
  // A size between bounds: both sides keep them.
  const sides = /^(\d+)x(\d+)$/.exec(value)?.slice(1).map(Number);
  if (!sides) throw refused(model, field, `${field} must be written as "WIDTHxHEIGHT".`, allowed);
  for (const side of sides) checkNumber(model, field, side, allowed);
}

function checkNumber(model: Model, field: string, value: number, allowed: Json | undefined): void {
  if (allowed === undefined) return;
  if (Array.isArray(allowed)) {
    if (allowed.some((one) => Number(one) === value)) return;
    throw refused(model, field, `${model.id} takes ${field} of ${allowed.join(', ')}, not ${value}.`, allowed);
  }
  if (!isObject(allowed)) return;
  const { min, max, step } = {
    min: numberAt(allowed, 'min'),
    max: numberAt(allowed, 'max'),
    step: numberAt(allowed, 'step'),
  };
  const offStep =
    step !== undefined && Math.abs((value - (min ?? 0)) / step - Math.round((value - (min ?? 0)) / step)) > 1e-9;
  if ((min !== undefined && value < min) || (max !== undefined && value > max) || offStep) {
    const every = step === undefined ? '' : ` in steps of ${step}`;
    throw refused(
      model,
      field,
      `${model.id} takes ${field} from ${min ?? 'any'} to ${max ?? 'any'}${every}, not ${value}.`,
      allowed,
    );
  }
}

function checkLength(model: Model, field: string, value: string, most: number | undefined): void {
  if (most === undefined || [...value].length <= most) return;
  throw refused(model, field, `${model.id} takes at most ${most} characters of ${field}.`, most);
}

function refused(model: Model, param: string, message: string, allowed: Json): GatewayError {
  return new GatewayError('invalid_request', {
    message,
    param,
    facts: { model: model.id, allowed },
    failure: 'A',
    billing: 'none',
  });
}
