import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type ChatKind, chatRequest, pathOf } from './answers.ts';
import { sleep } from './figures.ts';
import { freePort, start, stop } from './processes.ts';

/** Something that answers chat calls. `child` is missing where its process is not measured. */
export type Target = {
  name: string;
  origin: string;
  headers: Record<string, string>;
  model: string;
  child?: ChildProcess;
};

/** A freshly started target. Milliseconds from spawning to the first 200 of /healthz, and to the first chat answer. */
export type Started = Target & { child: ChildProcess; healthMs: number; answerMs: number };

const longestStart = 20_000;

/**
 * The real gateway on an empty data folder, with one real provider: the fake upstream.
 * @param more environment and flags of Node beside those.
 */
export async function startGateway(
  upstream: string,
  data: string,
  cache: string,
  profile?: string,
  more: { env?: Record<string, string>; flags?: string[] } = {},
): Promise<Started> {
  const env = {
    ATELIER_DATA: data,
    OPENAI_API_KEY: 'bench',
    OPENAI_BASE_URL: `${upstream}/v1`,
    NODE_COMPILE_CACHE: cache,
    ...more.env,
  };
  const { file, flags } = startCommand();
  flags.push(...(more.flags ?? []));
  if (profile) flags.push('--cpu-prof', `--cpu-prof-dir=${profile}`);
  const headers = () => ({ authorization: `Bearer ${readFileSync(join(data, 'app.key'), 'utf8').trim()}` });
  return begin({ name: 'gateway', file, model: 'openai/gpt-5.5', env, flags, headers });
}

/** What `npm start` runs: its flags of Node count. */
function startCommand(): { file: string; flags: string[] } {
  const { scripts } = JSON.parse(readFileSync(resolve(import.meta.dirname, '../../package.json'), 'utf8'));
  const words: string[] = scripts.start.split(' ');
  const file = words.pop();
  if (words.shift() !== 'node' || !file?.endsWith('.ts'))
    throw new Error(`npm start is not "node … file.ts": ${scripts.start}`);
  return { file, flags: words };
}

/** The bare Hono + global fetch proxy in front of the same upstream. */
export async function startBare(upstream: string, cache: string): Promise<Started> {
  const env = { UPSTREAM: upstream, NODE_COMPILE_CACHE: cache };
  return begin({
    name: 'bare',
    file: 'tests/bench/bare-proxy.ts',
    model: 'gpt-5.5',
    env,
    flags: [],
    headers: () => ({}),
  });
}

type Plan = {
  name: string;
  file: string;
  model: string;
  env: Record<string, string>;
  flags: string[];
  headers: () => Record<string, string>;
};

async function begin(plan: Plan): Promise<Started> {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const begun = performance.now();
  const child = start(plan.file, { PORT: String(port), HOST: '127.0.0.1', ...plan.env }, plan.flags);
  while ((await statusOf(`${origin}/healthz`)) !== 200) {
    if (child.exitCode !== null || performance.now() - begun > longestStart) {
      await stop(child);
      throw new Error(`${plan.file} did not start:\n${child.words()}`);
    }
    await sleep(2);
  }
  const healthMs = performance.now() - begun;
  const target = { name: plan.name, origin, headers: plan.headers(), model: plan.model, child };
  await callOnce(target, 'chat');
  return { ...target, healthMs, answerMs: performance.now() - begun };
}

async function statusOf(url: string): Promise<number> {
  try {
    const answer = await fetch(url);
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    return 0;
  }
}

/** One chat call; its body, or an error that shows it. */
export async function callOnce(target: Target, kind: ChatKind): Promise<string> {
  const answer = await fetch(target.origin + pathOf(kind), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...target.headers },
    body: chatRequest(kind, target.model),
  });
  const body = await answer.text();
  if (answer.status !== 200) throw new Error(`${target.name} answered ${answer.status}: ${body.slice(0, 500)}`);
  return body;
}
