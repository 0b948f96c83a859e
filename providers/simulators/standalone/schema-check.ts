import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SchemaCheck } from '../drift.ts';

type Node = Record<string, unknown>;
type Operation = { template: RegExp; path: string };

/** Files of descriptions that are not called as the provider is. */
const names: Record<string, string> = { google: 'google-generativelanguage' };

/**
 * Checks answers against OpenAPI descriptions in a folder, `<provider>.json` or `.yaml`. Needs the packages `ajv` and, for YAML, `yaml`.
 * @throws Error where a package is not there.
 */
export async function schemaCheck(folder: string): Promise<SchemaCheck> {
  const { Ajv2020 } = await import('ajv/dist/2020.js').catch(() => {
    throw new Error('Descriptions are checked with the package "ajv": install it beside atelier.');
  });
  const documents = new Map<
    string,
    { document: Node; operations: Operation[]; ajv: InstanceType<typeof Ajv2020> } | undefined
  >();
  const load = async (provider: string) => {
    if (documents.has(provider)) return documents.get(provider);
    const file = ['.json', '.yaml', '.yml']
      .map((ending) => join(folder, (names[provider] ?? provider) + ending))
      .find(existsSync);
    let loaded: ReturnType<typeof documents.get>;
    if (file) {
      const text = readFileSync(file, 'utf8');
      const raw = file.endsWith('.json') ? JSON.parse(text) : (await import('yaml')).parse(text, { maxAliasCount: -1 });
      const document = normalised(raw, false) as Node;
      const ajv = new Ajv2020({ strict: false, validateFormats: false, validateSchema: false, logger: false });
      ajv.addSchema(document, 'spec');
      const operations = Object.keys((document.paths ?? {}) as Node).map((path) => ({
        path,
        template: new RegExp(`${path.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{[^}]+\}/g, '[^/]+')}$`),
      }));
      loaded = { document, operations, ajv };
    }
    documents.set(provider, loaded);
    return loaded;
  };
  return async (tape, body) => {
    const loaded = await load(tape.provider);
    const path = tape.request.path.split('?')[0] ?? '';
    const operation = loaded?.operations
      .filter((one) => one.template.test(path))
      .sort((one, other) => other.path.length - one.path.length)[0];
    if (!loaded || !operation) return undefined;
    const step = (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1');
    const steps = ['paths', operation.path, tape.request.method.toLowerCase(), 'responses', String(tape.answer.status)];
    const pointer = [...steps, 'content', 'application/json', 'schema'];
    let node: unknown = loaded.document;
    for (const key of pointer) node = (node as Node | undefined)?.[key];
    if (node === undefined) return undefined;
    const validate = loaded.ajv.compile({ $ref: `spec#/${encodeURI(pointer.map(step).join('/'))}` });
    if (validate(body)) return undefined;
    const [fault] = validate.errors ?? [];
    return `${fault?.instancePath || '/'} ${fault?.message ?? 'is not valid'}`;
  };
}

const maps = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'schemas']);
const values = new Set(['example', 'examples', 'default', 'enum', 'const']);

/**
 * OpenAPI 3.0's `nullable` and boolean limits in the words of JSON Schema 2020.
 * @param named true while the keys are names of properties or schemas, not keywords.
 */
export function normalised(node: unknown, named: boolean): unknown {
  if (Array.isArray(node)) return node.map((one) => normalised(one, false));
  if (typeof node !== 'object' || node === null) return node;
  const copy: Node = {};
  for (const [key, child] of Object.entries(node)) {
    if (named) copy[key] = normalised(child, false);
    else if (key.startsWith('x-') || key === 'discriminator' || key === '$id' || key === '$schema') continue;
    else copy[key] = values.has(key) ? child : normalised(child, maps.has(key));
  }
  if (named) return copy;
  for (const [exclusive, inclusive] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const) {
    if (typeof copy[exclusive] !== 'boolean') continue;
    if (copy[exclusive]) {
      copy[exclusive] = copy[inclusive];
      delete copy[inclusive];
    } else delete copy[exclusive];
  }
  if (copy.nullable !== true) return copy;
  delete copy.nullable;
  return { anyOf: [copy, { type: 'null' }] };
}
