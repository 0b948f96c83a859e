import type { Json } from '../../src/contract/index.ts';
import { credentialPlaces } from './credential.ts';
import { fieldNames, isPlace, placeNames } from './places.ts';
import type { HttpCall, HttpModality, HttpPayload, HttpRow, HttpWay } from './row.ts';
import { isWholePlace, placesIn } from './template.ts';

/** Something wrong with a row, at a path of keys below its `http` object. */
export type HttpFault = { path: (string | number)[]; message: string };

/**
 * What a schema cannot see in an `http` object that fits its schema: places that do not exist, jobs that cannot be asked about,
 * states that contradict each other.
 */
export function findHttpFaults(row: HttpRow): HttpFault[] {
  const faults: HttpFault[] = [];
  checkAuth(row, faults);
  for (const [modality, described] of Object.entries(row.media)) {
    const several = Array.isArray(described);
    const ways = [described].flat();
    ways.forEach((way, index) => {
      const at = ['media', modality, ...(several ? [index] : [])];
      const say: Say = (path, message) => faults.push({ path: [...at, ...path], message });
      checkWay(way, modality as HttpModality, row, say);
      if (way.when === undefined && index < ways.length - 1) say([], 'only the last way may be without "when"');
      const first = ways.findIndex(({ when }) => when === way.when);
      if (first < index) say(['when'], `the way before at /${first} has the same condition`);
    });
  }
  return faults;
}

type Say = (path: (string | number)[], message: string) => void;

function checkAuth({ auth, token }: HttpRow, faults: HttpFault[]): void {
  const say: Say = (path, message) => faults.push({ path, message });
  const known = (name: string) => credentialPlaces.includes(name) && (token !== undefined || name !== 'token');
  const allowed = credentialPlaces.filter(known);
  eachTemplate({ auth: (auth ?? {}) as Json }, (path, name) => {
    if (!known(name)) say(path, unknownPlace(name, 'a credential', allowed));
  });
  const { url: _url, path: _path, ttl: _ttl, ...payload } = token ?? {};
  eachTemplate({ token: payload as Json }, (path, name) => {
    if (name === 'token' || !credentialPlaces.includes(name))
      say(path, unknownPlace(name, 'a token request', credentialPlaces.slice(0, -1)));
  });
  if (token) checkPayload(token, (path, message) => say(['token', ...path], message));
  if (token && !placesIn((auth ?? null) as Json).includes('token'))
    say(['token'], 'no header or query of auth uses {{token}}');
}

function checkWay(way: HttpWay, modality: HttpModality, row: HttpRow, say: Say): void {
  const { submit, poll, cancel, ref, status, outputs } = way;
  const names = fieldNames(modality);
  if (way.when !== undefined && !names.includes(way.when)) say(['when'], unknownField(way.when, modality, names));
  for (const field of Object.keys(way.limits ?? {})) {
    if (!names.includes(field)) say(['limits', field], unknownField(field, modality, names));
  }
  checkPayload(submit, (path, message) => say(['submit', ...path], message));
  eachTemplate(templatesOf(submit), (path, name) => {
    if (!isPlace(modality, name))
      say(['submit', ...path], unknownPlace(name, `a request for ${modality}`, placeNames(modality)));
  });
  if (isWholePlace(submit.path)) say(['submit', 'path'], 'must begin with a slash');
  const later: [(string | number)[], HttpCall][] = [
    ...(poll ? ([[['poll'], poll]] as [string[], HttpCall][]) : []),
    ...[cancel ?? []]
      .flat()
      .map((one, index): [(string | number)[], HttpCall] => [
        Array.isArray(cancel) ? ['cancel', index] : ['cancel'],
        one,
      ]),
  ];
  for (const [place, call] of later) checkLater(place, call, ref, row, say);
  if (poll && !ref) say(['poll'], 'a job needs "ref", the pointers to what it is asked by');
  if (ref && !poll) say(['ref'], 'nothing is asked by it: there is no "poll"');
  if (cancel && !poll) say(['cancel'], 'only a job with "poll" can be canceled');
  if (status && !poll && (status.queued || status.running || status.absent))
    say(['status'], 'without "poll" there is nothing to wait for: only succeeded, failed and canceled can be');
  const seen = new Map<string, string>();
  for (const state of ['queued', 'running', 'succeeded', 'failed', 'canceled'] as const) {
    for (const [index, word] of (status?.[state] ?? []).entries()) {
      const other = seen.get(word);
      if (other) say(['status', state, index], `"${word}" is already ${other}`);
      seen.set(word, state);
    }
  }
  checkOutputs(submit.answers === 'bytes', way, say);
  if (outputs && poll && submit.answers === 'bytes') say(['poll'], 'an answer of bytes is the result already');
}

function checkLater(place: (string | number)[], call: HttpCall, ref: HttpWay['ref'], row: HttpRow, say: Say): void {
  checkPayload(call, (path, message) => say([...place, ...path], message));
  const kept = Object.keys(ref ?? {}).map((name) => `ref.${name}`);
  eachTemplate(templatesOf(call), (path, name) => {
    if (!kept.includes(name) && name !== 'model' && !/^options\.[\w-]+$/.test(name))
      say([...place, ...path], unknownPlace(name, 'what is kept of a job', kept));
  });
  if (isWholePlace(call.path) && !row.hosts)
    say([...place, 'path'], 'an address of the vendor is followed only to its "hosts", and none are named');
}

function checkOutputs(bytes: boolean, { outputs }: HttpWay, say: Say): void {
  if (bytes && outputs) say(['outputs'], 'an answer of bytes is the output itself');
  if (!bytes && !outputs) say([], 'needs "outputs"');
  for (const [index, { as, path }] of (outputs ?? []).entries()) {
    if (as === 'path' && path === undefined) say(['outputs', index], 'as "path" needs "path"');
    if (as !== 'path' && path !== undefined) say(['outputs', index, 'path'], 'belongs to as "path" only');
    for (const name of placesIn(path ?? null)) {
      if (!/^item(\.[\w-]+)?$/.test(name))
        say(['outputs', index, 'path'], unknownPlace(name, 'an output', ['item', 'item.field']));
    }
  }
}

function checkPayload(payload: HttpPayload, say: Say): void {
  const given = (['body', 'form', 'urlencoded'] as const).filter((name) => payload[name] !== undefined);
  if (given.length > 1) say([given[1] ?? ''], `beside "${given[0]}": a request has one body`);
  eachText({ ...payload } as Json, (path, text) => {
    if (text.replaceAll(/\{\{.*?\}\}/gs, '').includes('{{')) say(path, 'has a place that is not closed');
  });
}

function templatesOf({ path, query, headers, body, form, urlencoded }: HttpCall): Json {
  return JSON.parse(JSON.stringify({ path, query, headers, body, form, urlencoded })) as Json;
}

function eachTemplate(template: Json, visit: (path: (string | number)[], name: string) => void): void {
  eachText(template, (path, text) => {
    for (const name of placesIn(text)) visit(path, name);
  });
}

function eachText(
  value: Json,
  visit: (path: (string | number)[], text: string) => void,
  at: (string | number)[] = [],
): void {
  if (typeof value === 'string') visit(at, value);
  else if (Array.isArray(value))
    value.forEach((child, index) => {
      eachText(child, visit, [...at, index]);
    });
  else if (typeof value === 'object' && value !== null) {
    for (const [key, child] of Object.entries(value)) eachText(child, visit, [...at, key]);
  }
}

function unknownPlace(name: string, of: string, known: readonly string[]): string {
  return `{{${name}}} is no place of ${of} (there are ${known.join(', ')})`;
}

function unknownField(name: string, modality: string, known: readonly string[]): string {
  return `"${name}" is no field of ${modality} (there are ${known.join(', ')})`;
}
