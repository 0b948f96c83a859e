import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Which room may import which: the table of the design. Entries may import everything. */
const table: Record<string, string[]> = {
  'src/contract': [],
  'src/runtime': ['src/contract', 'src/books'],
  'src/dialects': ['src/contract'],
  'src/meter': ['src/contract'],
  providers: ['src/contract'],
  'src/books': ['src/contract', 'src/meter', 'src/runtime/ports.ts'],
  'src/gateway': ['src/contract', 'src/dialects', 'src/meter', 'src/books/index.ts', 'src/runtime/ports.ts'],
  'src/jobs': ['src/contract', 'src/gateway', 'src/books/index.ts', 'src/meter', 'src/runtime/ports.ts'],
  'src/http': [
    'src/contract',
    'src/dialects',
    'src/gateway',
    'src/jobs',
    'src/meter',
    'src/books/index.ts',
    'src/dashboard',
    'src/runtime/ports.ts',
  ],
  'src/app.ts': ['src/http', 'src/contract', 'src/gateway', 'src/runtime/ports.ts'],
  config: ['src/contract', 'providers/index.ts'],
};

/** The places where the house is put together, and tools that drive it from outside. */
const entries = [
  'src/node.ts',
  'src/worker.ts',
  'src/assemble.ts',
  'src/runtime/node/start.ts',
  'src/demo/',
  'config/dev-edge.ts',
  'providers/simulators/server.ts',
  'providers/simulators/standalone/',
  'providers/simulators/testing/',
  'src/cli.ts',
  'config/prices-cli.ts',
];

const root = resolve(import.meta.dirname, '..');
const files = ['src', 'providers', 'config'].flatMap((folder) => walk(join(root, folder)));
const sources = new Map(files.map((file) => [relative(root, file), readFileSync(file, 'utf8')]));

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return walk(path);
    return entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts') ? [path] : [];
  });
}

const isEntry = (file: string) =>
  entries.some((entry) => file === entry || (entry.endsWith('/') && file.startsWith(entry)));
const within = (file: string, place: string) => file === place || file.startsWith(`${place.replace(/\/$/, '')}/`);
const roomOf = (file: string) => Object.keys(table).find((room) => within(file, room));
/** Code without comments and without the text of strings that are not imports. */
const bare = (text: string) => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');

function* importsOf(file: string, text: string): Generator<string> {
  for (const match of bare(text).matchAll(/(?:from\s+|import\s*\(?\s*)'([^']+)'/g)) {
    const target = match[1]!;
    yield target.startsWith('.') ? relative(root, resolve(root, dirname(file), target)) : target;
  }
}

function offenders(test: (file: string, text: string) => boolean): string[] {
  return [...sources].filter(([file, text]) => test(file, bare(text))).map(([file]) => file);
}

describe('rooms', () => {
  it('has a rule for every file', () => {
    expect([...sources.keys()].filter((file) => !isEntry(file) && !roomOf(file))).toEqual([]);
  });

  it('imports only what its table row allows', () => {
    const wrong: string[] = [];
    for (const [file, text] of sources) {
      const room = roomOf(file);
      if (isEntry(file) || !room) continue;
      for (const target of importsOf(file, text)) {
        const own = /^(src|providers|config)\//.test(target);
        if (!own || within(target, room)) continue;
        if (!table[room]!.some((allowed) => within(target, allowed))) wrong.push(`${file} → ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('keeps node: and cloudflare: inside runtime and the entries', () => {
    const allowed = (file: string) =>
      within(file, 'src/runtime/node') ||
      within(file, 'src/runtime/workers') ||
      isEntry(file) ||
      within(file, 'config');
    const wrong = [...sources].flatMap(([file, text]) =>
      allowed(file)
        ? []
        : [...importsOf(file, text)]
            .filter((target) => /^(node|cloudflare):/.test(target))
            .map((target) => `${file} → ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('reads the environment only at the entries', () => {
    const allowed = (file: string) => isEntry(file) || file === 'config/check.ts' || file === 'config/dev-edge.ts';
    expect(offenders((file, text) => /process\.env/.test(text) && !allowed(file))).toEqual([]);
  });

  it('has one egress door: the global fetch is called only in runtime', () => {
    const allowed = (file: string) =>
      within(file, 'src/runtime') || within(file, 'src/demo') || file === 'config/dev-edge.ts';
    expect(offenders((file, text) => /(?<![.\w])fetch\(/.test(text) && !allowed(file))).toEqual([]);
  });

  it('writes SQL only in books', () => {
    const sql = /\b(SELECT\s+[\s\S]{1,200}?\s+FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM|CREATE TABLE)\b/;
    expect(offenders((file, text) => sql.test(text) && !within(file, 'src/books'))).toEqual([]);
  });

  it('never asks who the provider is outside providers and config', () => {
    const names =
      'openai|anthropic|google|replicate|deepseek|mistral|xai|groq|together|cohere|qwen|openrouter|elevenlabs|fal|runway|luma';
    const comparison = new RegExp(`(===|!==|case|includes\\(|startsWith\\()\\s*['"\`](${names})['"\`/]`);
    expect(
      offenders((file, text) => comparison.test(text) && !within(file, 'providers') && !within(file, 'config')),
    ).toEqual([]);
  });

  it('keeps files small', () => {
    const limit = (file: string) => (within(file, 'src/dialects') ? 500 : 320);
    expect([...sources].filter(([file, text]) => text.split('\n').length > limit(file)).map(([file]) => file)).toEqual(
      [],
    );
  });

  it('exports by name only', () => {
    const allowed = (file: string) => isEntry(file) || /config\/vitest/.test(file);
    expect(offenders((file, text) => /export default/.test(text) && !allowed(file))).toEqual([]);
  });
});
