import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { normalised } from '../../providers/simulators/standalone/schema-check.ts';

/** Where the shared folder is: beside the repository, or where ATELIER_SHARED says. */
export const sharedFolder = process.env.ATELIER_SHARED ?? join(process.cwd(), '../shared');

/** Checks one value; `undefined` when it is valid, else what is wrong, one line per fault. */
export type Check = (value: unknown) => string | undefined;

const documents = new Map<string, Record<string, unknown> | undefined>();
const ajvs = new Map<string, Ajv2020>();
const checks = new Map<string, Check>();

/** False where ../shared/specs is absent: `test.skipIf(!hasSpecs)`. */
export const hasSpecs = existsSync(join(sharedFolder, 'specs'));

/**
 * An official API description, e.g. `loadSpec('openai')` or `loadSpec('anthropic')`, parsed and normalised
 * (`nullable` and boolean `exclusiveMinimum` become what JSON Schema 2020 understands). Cached per process.
 * @returns undefined when the file is not there.
 */
export function loadSpec(name: string): Record<string, unknown> | undefined {
  if (!documents.has(name)) {
    const file = ['.json', '.yaml'].map((ending) => join(sharedFolder, 'specs', name + ending)).find(existsSync);
    const text = file && readFileSync(file, 'utf8');
    const raw = text && (file.endsWith('.json') ? JSON.parse(text) : parse(text, { maxAliasCount: -1 }));
    documents.set(name, raw ? (normalised(raw, false) as Record<string, unknown>) : undefined);
  }
  return documents.get(name);
}

/**
 * A check against the schema at `pointer` (a JSON pointer, `/` in a key written `~1`), e.g.
 * `validator('openai', '/components/schemas/CreateChatCompletionResponse')`.
 * @returns undefined when the description is not there; throws when the pointer leads nowhere.
 */
export function validator(name: string, pointer: string): Check | undefined {
  const document = loadSpec(name);
  if (!document) return undefined;
  const key = `${name}#${pointer}`;
  const known = checks.get(key);
  if (known) return known;
  let ajv = ajvs.get(name);
  if (!ajv) {
    ajv = new Ajv2020({ strict: false, validateFormats: false, validateSchema: false, allErrors: true, logger: false });
    ajv.addSchema(document, 'spec');
    ajvs.set(name, ajv);
  }
  const validate: ValidateFunction = ajv.compile({ $ref: `spec#${encodeURI(pointer)}` });
  const check: Check = (value) => {
    if (validate(value)) return undefined;
    const faults = validate.errors ?? [];
    return faults
      .slice(0, 12)
      .map((fault) => `${fault.instancePath || '/'} ${fault.message} ${JSON.stringify(fault.params)}`)
      .join('\n');
  };
  checks.set(key, check);
  return check;
}

function step(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** The pointer of a JSON answer: `responsePointer('/chat/completions', 'post', 200)`. */
export function responsePointer(path: string, method: string, status: number | string, type = 'application/json') {
  return `/paths/${step(path)}/${method}/responses/${status}/content/${step(type)}/schema`;
}

/** The pointer of a request body. */
export function requestPointer(path: string, method: string, type = 'application/json') {
  return `/paths/${step(path)}/${method}/requestBody/content/${step(type)}/schema`;
}
