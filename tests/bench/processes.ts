import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { sleep } from './figures.ts';

/** Everything started here is stopped here, by its own process id, however the run ends. */
const running = new Set<ChildProcess>();
const root = resolve(import.meta.dirname, '../..');

function keep(child: ChildProcess): ChildProcess {
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Starts a TypeScript file of this repository as its own process; its last words are kept for a failure's message. */
export function start(
  file: string,
  env: Record<string, string>,
  flags: string[] = [],
): ChildProcess & { words(): string } {
  const { PATH, HOME, TMPDIR } = process.env;
  const child = keep(
    spawn(process.execPath, [...flags, file], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH, HOME, TMPDIR, ...env },
    }),
  );
  let words = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      words = (words + chunk).slice(-2000);
    });
  }
  return Object.assign(child, { words: () => words });
}

/** Starts a helper that talks over a channel; resolves with its first message. */
export async function startHelper<T>(file: string): Promise<{ child: ChildProcess; first: T }> {
  const child = keep(fork(resolve(import.meta.dirname, file), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
  return { child, first: await nextMessage<T>(child) };
}

/** Sends one message and resolves with the answer. One question at a time. */
export function ask<T>(child: ChildProcess, message: object): Promise<T> {
  const answer = nextMessage<T>(child);
  child.send(message);
  return answer;
}

function nextMessage<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve_, reject) => {
    const gone = () => reject(new Error('A helper process of the benchmark ended early.'));
    child.once('exit', gone);
    child.once('message', (message) => {
      child.off('exit', gone);
      resolve_(message as T);
    });
  });
}

/** Asks a process to end, and ends it when it does not. */
export async function stop(child: ChildProcess, patience = 5_000): Promise<void> {
  if (!running.has(child)) return;
  const ended = new Promise<void>((resolve_) => child.once('exit', () => resolve_()));
  child.kill('SIGTERM');
  await Promise.race([ended, sleep(patience)]);
  if (!running.has(child)) return;
  child.kill('SIGKILL');
  await ended;
}

export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((child) => stop(child)));
}

process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve_, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve_(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

let ticks: number | undefined;

/** Milliseconds of processor time, user and system, of all threads of a process since its start (proc_pid_stat(5)). */
export function cpuMs(pid: number): number {
  ticks ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold spaces: fields are counted behind it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticks;
}

/** Resident memory of a process in MB (10^6 bytes). */
export function rssMb(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return (Number(line?.[1] ?? 0) * 1024) / 1e6;
}
