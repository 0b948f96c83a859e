import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');
/** Milliseconds a process may take until it says that it is ready. */
const patience = 20_000;

export type Exit = { code: number | null; signal: NodeJS.Signals | null };
export type RunningProcess = {
  pid: number;
  exited: Promise<Exit>;
  /** Sends a signal (by process id) and waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<Exit>;
  /** The last it said, for messages of failing tests. */
  words(): string;
};
export type SimulatorProcess = RunningProcess & { url: string; env: Record<string, string> };
export type GatewayProcess = RunningProcess & { url: string; appKey: string; adminKey: string; data: string };

const children = new Set<ChildProcess>();
const folders = new Set<string>();

function leaveNothing(): void {
  for (const child of children) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}
process.once('exit', leaveNothing);

/** Ends everything that was started here and removes its folders: belongs into `afterAll`. */
export async function stopProcesses(): Promise<void> {
  const ended = [...children].map((child) => new Promise((done) => child.once('exit', done)));
  leaveNothing();
  await Promise.all(ended);
  folders.clear();
}

/** A folder that is removed by `stopProcesses`. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'atelier-'));
  folders.add(folder);
  return folder;
}

/** The simulators' server on a free port, with the environment that its printed block exports. */
export async function startSimulatorProcess(env: Record<string, string> = {}): Promise<SimulatorProcess> {
  const ready = /on (http:\S+)\.[\s\S]*ATELIER_LOOKUP_URL.*\n/;
  const { running, found } = await start('providers/simulators/server.ts', env, ready);
  const exported = running.words().matchAll(/^export (\w+)='([^']*)'$/gm);
  return { ...running, url: found, env: Object.fromEntries([...exported].map(([, name, value]) => [name!, value!])) };
}

/** The Node gateway on a free port. Without `data` it gets a fresh folder. */
export async function startGatewayProcess(
  env: Record<string, string>,
  data: string = makeFolder(),
): Promise<GatewayProcess> {
  const { running, found } = await start(
    'src/node.ts',
    { ATELIER_POLL_MS: '10,150', ...env, ATELIER_DATA: data },
    /listens on (http:\S+)\n/,
  );
  const keyIn = (name: string) => readFileSync(join(data, name), 'utf8').trim();
  return { ...running, url: found, data, appKey: keyIn('app.key'), adminKey: keyIn('admin.key') };
}

async function start(
  file: string,
  env: Record<string, string>,
  ready: RegExp,
): Promise<{ running: RunningProcess; found: string }> {
  const { PATH, HOME, TMPDIR } = process.env;
  const child = spawn(process.execPath, [file], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH, HOME, TMPDIR, PORT: '0', ...env },
  });
  children.add(child);
  let words = '';
  const exited = new Promise<Exit>((done) => {
    child.once('exit', (code, signal) => {
      children.delete(child);
      done({ code, signal });
    });
  });
  const found = await new Promise<string>((done, reject) => {
    const fail = (reason: string) => reject(new Error(`${file} ${reason}. It said:\n${words}`));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail('was not ready in time');
    }, patience);
    exited.then(({ code, signal }) => {
      clearTimeout(timer);
      fail(`ended early (${signal ?? code})`);
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        words = (words + text).slice(-20_000);
        const match = ready.exec(words)?.[1];
        if (!match) return;
        clearTimeout(timer);
        done(match);
      });
    }
  });
  const running: RunningProcess = {
    pid: child.pid!,
    exited,
    kill: (signal = 'SIGKILL') => {
      child.kill(signal);
      return exited;
    },
    words: () => words,
  };
  return { running, found };
}
