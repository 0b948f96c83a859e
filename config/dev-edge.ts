import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { makeKey } from '../src/gateway/credential.ts';

// The Workers runtime on this machine: makes the keys, runs wrangler's dev server, and says how to call it.

const root = resolve(import.meta.dirname, '..');
const secretsFile = join(root, '.dev.vars');
const keyFile = join(root, '.wrangler', 'app.key');
const host = process.env.HOST ?? '127.0.0.1';
const port = Number(process.env.PORT ?? 8788);
const url = `http://${host}:${port}`;

/** Milliseconds until the first answer, and from a signal to the end. */
const startTime = 60_000;
const stopTime = 5_000;

/** No prompts, no telemetry, no calls home; warnings and errors still show. */
const quiet = {
  CI: '1',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_LOG: 'warn',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_SEND_METRICS: 'false',
  X_LOCAL_EXPLORER: 'false',
  X_LOCAL_OBSERVABILITY: 'false',
};

if (process.argv.includes('--help')) {
  console.log(`Runs Atelier on the local Workers runtime, its state under .wrangler/, its secrets in .dev.vars.

  npm run dev:edge -- [options of wrangler dev]

PORT (8788) and HOST (127.0.0.1) say where it listens.`);
  process.exit(0);
}
await portIsFree();
const admin = adminKey();
const child = spawn(
  process.execPath,
  [
    join(root, 'node_modules/wrangler/bin/wrangler.js'),
    'dev',
    '--ip',
    host,
    '--port',
    String(port),
    ...process.argv.slice(2),
  ],
  // Its own process group: a Ctrl-C reaches it once, from here.
  { cwd: root, env: { ...process.env, ...quiet }, stdio: ['ignore', 'inherit', 'inherit'], detached: true },
);
let stopping = false;
child.once('exit', (code) => process.exit(stopping ? process.exitCode : (code ?? 1)));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(child));

await announce().catch((thrown: unknown) => {
  if (stopping) return;
  console.error(thrown instanceof Error ? thrown.message : thrown);
  stop(child, 1);
});

async function announce(): Promise<void> {
  await ready();
  const key = await appKey();
  console.log(`Atelier listens on ${url} (Workers runtime)
The admin key is in .dev.vars, an app key in .wrangler/app.key. Without provider keys in .dev.vars the simulators answer. Try:

curl ${url}/v1/generations \\
  -H "Authorization: Bearer ${key}" \\
  -H "Content-Type: application/json" \\
  -d '{"modality":"image","input":"a lighthouse at dusk","size":"1024x1024"}'
`);
}

/** The operator's key of .dev.vars, made on the first run. */
function adminKey(): string {
  const text = existsSync(secretsFile) ? readFileSync(secretsFile, 'utf8') : '';
  const known = parseEnv(text).ATELIER_ADMIN_KEY?.trim();
  if (known) return known;
  const made = makeKey('admin', 'main');
  const start = text === '' || text.endsWith('\n') ? '' : '\n';
  appendFileSync(secretsFile, `${start}ATELIER_ADMIN_KEY=${made}\n`, { mode: 0o600 });
  chmodSync(secretsFile, 0o600);
  return made;
}

/** The app key of an earlier run if the gateway still takes it, else a new one. */
async function appKey(): Promise<string> {
  const known = existsSync(keyFile) ? readFileSync(keyFile, 'utf8').trim() : '';
  if (known) {
    const answer = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${known}` } });
    await answer.body?.cancel();
    if (answer.ok) return known;
  }
  const answer = await fetch(`${url}/v1/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'app', scopes: ['generate', 'spend'] }),
  });
  const { key: made } = (await answer.json()) as { key?: string };
  if (!made) throw new Error(`The gateway made no app key (it answered ${answer.status}).`);
  mkdirSync(join(root, '.wrangler'), { recursive: true });
  writeFileSync(keyFile, `${made}\n`, { mode: 0o600 });
  return made;
}

async function ready(): Promise<void> {
  const end = Date.now() + startTime;
  while (Date.now() < end) {
    const answer = await fetch(`${url}/healthz`).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`Nothing answers on ${url} after ${startTime / 1000} s.`);
}

/** Asks wrangler to end, and ends its whole group if it does not. */
function stop(server: ChildProcess, exitCode = 0): void {
  if (stopping) return;
  stopping = true;
  process.exitCode = exitCode;
  server.kill('SIGTERM');
  setTimeout(() => {
    if (server.pid) process.kill(-server.pid, 'SIGKILL');
  }, stopTime).unref();
}

/** Another server there would be asked for keys in our name. */
async function portIsFree(): Promise<void> {
  const taken = await new Promise<Error | undefined>((done) => {
    const server = createServer()
      .once('error', done)
      .listen(port, host, () => server.close(() => done(undefined)));
  });
  if (!taken) return;
  console.error(`${url} cannot be used (${taken.message}). Choose another: PORT=8790 npm run dev:edge`);
  process.exit(1);
}
