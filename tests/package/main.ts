import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

// Packs the package, installs it in a clean folder, and runs there what the README prints.

const root = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'atelier-package-'));
const section = readSection();
const { devDependencies, dependencies, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  devDependencies: Record<string, string>;
  dependencies: Record<string, string>;
  version: string;
};
/** Milliseconds until the simulators must have said where they are. */
const startTime = 30_000;
const environment: NodeJS.ProcessEnv = { ...process.env, npm_config_update_notifier: 'false', NO_COLOR: '1' };

try {
  if (registryAnswers()) await run();
  else console.log('No package registry answers: the packed package was not tried.');
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function run(): Promise<void> {
  const packed = (JSON.parse(npm(['pack', '--json', '--pack-destination', folder], root)) as { filename: string }[])[0];
  if (!packed) throw new Error('npm pack packed nothing.');
  writeFileSync(join(folder, 'package.json'), '{"type":"module","private":true}');
  const pinned = ['vitest', 'msw', 'openai'].map((name) => `${name}@${(devDependencies[name] ?? dependencies[name])!}`);
  npm(['install', '--prefer-offline', '--no-audit', '--no-fund', `./${packed.filename}`, ...pinned], folder);
  console.log(`installed ${packed.filename}`);

  writeFileSync(join(folder, 'picture.test.ts'), block('ts'));
  execFileSync(join(folder, 'node_modules/.bin/vitest'), ['run'], { cwd: folder, env: environment, stdio: 'inherit' });

  const told = shell('bash', `PATH=${join(folder, 'node_modules/.bin')}:$PATH atelier --version`);
  if (told.trim() !== version) throw new Error(`atelier --version said "${told.trim()}" instead of ${version}.`);

  const server = spawn(join(folder, 'node_modules/.bin/atelier'), ['simulators'], {
    cwd: folder,
    env: {
      ...environment,
      PORT: '0',
      ATELIER_FAULTS: 'on',
      PATH: `${join(folder, 'node_modules/.bin')}:${environment.PATH}`,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const said = await new Promise<string>((ready, fail) => {
      let text = '';
      const late = () => fail(new Error(`atelier simulators did not start in ${startTime} ms. It said:\n${text}`));
      const timer = setTimeout(late, startTime);
      server.stdout.setEncoding('utf8').on('data', (more: string) => {
        text += more;
        // The last line that it prints, whole.
        if (!/ATELIER_LOOKUP_URL=.*\n/.test(text)) return;
        clearTimeout(timer);
        ready(text);
      });
      server.once('exit', (code) => {
        clearTimeout(timer);
        fail(new Error(`atelier simulators ended with ${code}.`));
      });
    });
    const url = /^# .* on (http:\/\/127\.0\.0\.1:\d+)\./.exec(said)?.[1];
    if (!url) throw new Error(`atelier simulators named no address:\n${said}`);
    const here = (text: string) => text.replaceAll('http://127.0.0.1:9090', url);
    const curl = /```bash\n(curl[\s\S]*?)```\n```json\n([\s\S]*?)```/.exec(section);
    expectParts('curl', shell('bash', here(curl?.[1] ?? '')), curl?.[2] ?? '');
    const python = /```python\n([\s\S]*?)```\n```json\n([\s\S]*?)```/.exec(section);
    expectParts('python', shell('python3', here(python?.[1] ?? '')), python?.[2] ?? '');
    const page = await (await fetch(`${url}/`)).text();
    expectParts('page', page, '<title>Atelier simulators</title>…/_simulator/events…');
  } finally {
    server.removeAllListeners('exit');
    server.kill('SIGTERM');
  }
}

function readSection(): string {
  const between = /<!-- testing -->[\s\S]*<!-- \/testing -->/;
  const found = between.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[0];
  if (!found) throw new Error('The README has no section between <!-- testing --> and <!-- /testing -->.');
  return found;
}

function block(language: string): string {
  const found = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(section)?.[1];
  if (!found) throw new Error(`The section has no ${language} block.`);
  return found;
}

function npm(words: string[], cwd: string): string {
  return execFileSync('npm', words, { cwd, env: environment, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function registryAnswers(): boolean {
  try {
    npm(['ping', '--fetch-timeout=8000', '--fetch-retries=0'], folder);
    return true;
  } catch {
    return false;
  }
}

function shell(program: string, text: string): string {
  return execFileSync(program, ['-c', text], { cwd: folder, env: environment, encoding: 'utf8' });
}

/** The printed answer, in which `…` stands for anything. */
function expectParts(name: string, actual: string, printed: string): void {
  let place = 0;
  for (const part of printed.trim().split('…')) {
    const found = actual.indexOf(part, place);
    if (found < 0) throw new Error(`${name}: "${part}" is not in what came:\n${actual}`);
    place = found + part.length;
  }
  console.log(`${name}: as printed`);
}
