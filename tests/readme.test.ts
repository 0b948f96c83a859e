import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningGateway, startGateway } from './support/gateway.ts';

const readme = readFileSync(resolve(import.meta.dirname, '../README.md'), 'utf8');
const run = promisify(execFile);

/** Every curl block that asks the gateway, with the answer printed below it. Those of the simulators are run by `npm run test:package`. */
const blocks = readme.replace(/<!-- testing -->[\s\S]*<!-- \/testing -->/, '');
const examples = [...blocks.matchAll(/```bash\n((?:(?!```)[\s\S])*)```\n```json\n([\s\S]*?)```/g)].map(
  ([, command = '', answer = '']) => ({
    title: /"model":"([^"]+)"|model=(\S+)|v1\/(spend)/.exec(command)?.slice(1).find(Boolean) ?? command,
    command,
    answer: answer.trim(),
  }),
);

let gateway: RunningGateway;
let folder: string;

beforeAll(async () => {
  gateway = await startGateway();
  folder = mkdtempSync(join(tmpdir(), 'atelier-readme-'));
});
afterAll(async () => {
  await gateway?.close();
  rmSync(folder, { recursive: true, force: true });
});

it('has an example of each modality, and of the spend', () => {
  expect(examples).toHaveLength(7);
});

for (const { title, command, answer } of examples) {
  it(`does what it prints: ${title}`, async () => {
    const here = (text: string) => text.replaceAll('http://127.0.0.1:8787', gateway.url);
    const { stdout } = await run('bash', ['-c', `KEY=$(cat ${gateway.data}/app.key)\n${here(command)}`], {
      cwd: folder,
    });
    let place = 0;
    for (const fragment of here(answer).split('…')) {
      const found = stdout.indexOf(fragment, place);
      expect(found, `"${fragment}" in ${stdout}`).toBeGreaterThanOrEqual(0);
      place = found + fragment.length;
    }
  });
}
