import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

// What `npm pack` packs: Node strips no types below node_modules, so the package carries JavaScript, and types where it is imported.

const root = resolve(import.meta.dirname, '..');
const dist = join(root, 'dist');
const typed = ['providers/simulators', 'src/contract', 'config'].map((folder) => join(dist, folder));

rmSync(dist, { recursive: true, force: true });
const compiler = join(root, 'node_modules/typescript/bin/tsc');
execFileSync(process.execPath, [compiler, '-p', join(root, 'config/tsconfig.build.json')], { stdio: 'inherit' });

for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  const file = join(entry.parentPath, entry.name);
  if (!entry.name.endsWith('.d.ts')) continue;
  if (!typed.some((folder) => file.startsWith(folder))) rmSync(file);
  else
    writeFileSync(file, readFileSync(file, 'utf8').replace(/((?:from |import\()['"]\.[^'"]*)\.ts(['"])/g, '$1.js$2'));
}
