import { at, GatewayError, type Json } from '../../src/contract/index.ts';
import { callerParams, refuse } from '../shared/params.ts';
import { fieldOf, fieldsOfPlace, type HttpRequest } from './places.ts';
import type { HttpModality, HttpWay } from './row.ts';
import { placesIn, spreadKey } from './template.ts';

/** The first way whose condition the request meets. */
export function chooseWay(id: string, ways: readonly HttpWay[], request: HttpRequest): HttpWay {
  const way = ways.find(({ when }) => when === undefined || fieldOf(request, when) !== undefined);
  if (way) return way;
  const needed = ways.map(({ when }) => when).join(' or ');
  throw new GatewayError('invalid_request', {
    message: `${id} needs ${needed} for this.`,
    ...(ways[0]?.when ? { param: ways[0].when } : {}),
    failure: 'A',
    billing: 'none',
  });
}

/** All places of what is sent to submit. */
export function requestPlaces(way: HttpWay): string[] {
  return placesIn(bodyOf(way)).concat(placesIn(way.submit.path));
}

function bodyOf({ submit }: HttpWay): Json {
  const { query, headers, body, form, urlencoded } = submit;
  return [query ?? null, headers ?? null, body ?? null, form ?? null, urlencoded ?? null];
}

/** The neutral fields that a modality of a row has a place for. */
export function honoured(modality: HttpModality, ways: readonly HttpWay[]): string[] {
  const names = ways.flatMap((way) => {
    const places = [...requestPlaces(way), ...(way.when ? [way.when] : [])];
    return places.flatMap((name) => fieldsOfPlace(modality, name, way));
  });
  return [...new Set(names)];
}

/** Refuses, before anything is sent, what the row's `limits` do not allow. */
export function checkLimits(id: string, { limits }: HttpWay, request: HttpRequest): void {
  for (const [field, { min, max, allowed }] of Object.entries(limits ?? {})) {
    const value = fieldOf(request, field);
    if (value === undefined) continue;
    if (allowed && !allowed.includes(String(value))) throw refuse(field, `${id} does not take this ${field}.`, allowed);
    const count = Array.isArray(value) ? value.length : typeof value === 'string' ? [...value].length : Number(value);
    const unit = Array.isArray(value) ? ' entries' : typeof value === 'string' ? ' characters' : '';
    if (min !== undefined && count < min) throw tooMuch(id, field, `at least ${min}${unit}`);
    if (max !== undefined && count > max) throw tooMuch(id, field, `at most ${max}${unit}`);
  }
}

function tooMuch(id: string, param: string, allowed: string): GatewayError {
  const message = `${id} takes ${allowed} of ${param}.`;
  return new GatewayError('invalid_request', { message, param, failure: 'A', billing: 'none' });
}

/**
 * What cannot be carried over, one sentence each: fields that only another way has a place for, the caller's own parameters that the
 * row has none for, and pictures beyond those it takes. Parameters that the row sets itself are refused where all others are let through.
 */
export function leftOut(id: string, ways: readonly HttpWay[], way: HttpWay, request: HttpRequest): string[] {
  const places = requestPlaces(way);
  const here = honoured(request.modality, [way]);
  const elsewhere = honoured(request.modality, ways).filter((name) => !here.includes(name));
  const given = elsewhere.filter((name) => at(request, name) !== undefined);
  const warnings = given.map((name) => `${name} is not supported by ${id} for this and was left out.`);
  const owned = spreadOwners(bodyOf(way));
  if (owned) callerParams(request.params, owned);
  else {
    const unknown = Object.keys(request.params ?? {}).filter((name) => !places.includes(`params.${name}`));
    warnings.push(...unknown.map((name) => `params.${name} is not supported by ${id} and was left out.`));
  }
  const images = fieldOf(request, 'images');
  const count = Array.isArray(images) ? images.length : 0;
  const takes = (stem: string) => places.some((name) => name.startsWith(`${stem}_`));
  const most = takes('images') || !here.includes('images') ? count : takes('last_image') ? 2 : 1;
  if (count > most) warnings.push(`${id} takes ${most} of images; ${count - most} of ${count} were left out.`);
  return warnings;
}

/** The names beside `...: {{params}}`: those are the row's. Undefined where nothing is spread. */
function spreadOwners(template: Json | undefined): string[] | undefined {
  if (typeof template !== 'object' || template === null) return undefined;
  if (!Array.isArray(template) && spreadKey in template) return Object.keys(template);
  for (const child of Object.values(template)) {
    const found = spreadOwners(child);
    if (found) return found;
  }
  return undefined;
}
