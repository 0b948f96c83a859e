import { parseBuffer } from 'music-metadata';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { random } from '../../providers/simulators/seed.ts';
import {
  type Generation,
  type Ledger,
  mixedRequests,
  type Outcome,
  readLedger,
  readSpend,
  runMixed,
  type Target,
  waitUntilSettled,
} from '../support/mixed-load.ts';
import { pico } from '../support/money.ts';
import {
  type GatewayProcess,
  makeFolder,
  type SimulatorProcess,
  startGatewayProcess,
  startSimulatorProcess,
  stopProcesses,
} from '../support/processes.ts';

type Aftermath = {
  before: Outcome[];
  after: Outcome[];
  jobs: string[];
  gateway: Target;
  book: Generation[];
  ledger: Ledger;
  spend: bigint;
};

/** Sends the whole mix; the gateway is killed in the middle and started again on the same folder. */
async function killInTheMiddle(seed: string, env: (all: Record<string, string>) => Record<string, string>) {
  const simulators: SimulatorProcess = await startSimulatorProcess({ ATELIER_PACE_MS: '2' });
  const data = makeFolder();
  const first: GatewayProcess = await startGatewayProcess(env(simulators.env), data);
  const dice = random(seed);
  const moment = 60 + dice.below(80);
  const delay = dice.below(25);

  const requests = mixedRequests(200, seed);
  let answered = 0;
  let killed = false;
  let jobs: string[] = [];
  const kill = async () => {
    jobs = await startJobs(first);
    await new Promise((done) => setTimeout(done, delay));
    killed = true;
    await first.kill('SIGKILL');
  };
  let death: Promise<void> | undefined;
  const before = await runMixed(first, requests, {
    goOn: () => !killed,
    seen: () => {
      if (++answered === moment) death = kill();
    },
  });
  await death;

  const gateway = await startGatewayProcess(env(simulators.env), data);
  const after = await runMixed(gateway, requests);
  const book = await waitUntilSettled(gateway);
  const ledger = await readLedger(simulators);
  const spend = pico((await readSpend(gateway)).total_usd);
  const result: Aftermath = { before, after, jobs, gateway, book, ledger, spend };
  return { ...result, stop: () => Promise.all([simulators.kill(), gateway.kill()]) };
}

/** Jobs that the provider has taken and that take seconds: they are under way when the gateway dies. */
async function startJobs(gateway: Target): Promise<string[]> {
  const send = (path: string, init: RequestInit = {}) =>
    fetch(gateway.url + path, {
      ...init,
      headers: { authorization: `Bearer ${gateway.appKey}`, 'content-type': 'application/json' },
    });
  const body = JSON.stringify({ model: 'replicate/meta/musicgen', input: 'a song to survive', seconds: 3, wait: 0 });
  const made = await Promise.all(
    [1, 2, 3].map(async () => (await send('/v1/generations', { method: 'POST', body })).json() as Promise<Generation>),
  );
  for (const { id } of made) {
    for (let tries = 0; tries < 100; tries++) {
      if (((await (await send(`/v1/generations/${id}`)).json()) as Generation).status === 'in_progress') break;
      await new Promise((done) => setTimeout(done, 5));
    }
  }
  return made.map((one) => one.id);
}

const totalOf = (generation: Generation) => pico(generation.receipt?.total ?? '0');
const sum = (amounts: bigint[]) => amounts.reduce((total, amount) => total + amount, 0n);

/** What holds whether the provider can be asked or not. */
function nothingIsLost({ before, after, jobs, book, ledger }: Aftermath): void {
  // The mix went on to its end, and something was under way when the gateway died.
  expect(before.length + after.length).toBe(200);
  expect(before.filter((one) => one.status === 'lost').length).toBeGreaterThan(0);
  expect(after.filter((one) => one.complaint)).toEqual([]);
  expect(jobs).toHaveLength(3);

  // Every call that a provider billed has its attempt in the book, and was made once.
  const attempts = new Set(book.flatMap((one) => one.attempts.map((attempt) => attempt.id)));
  expect(book.every((one) => one.attempts.length === 1)).toBe(true);
  const missing = [...ledger.byClient.keys()].filter((client) => !attempts.has(client));
  expect(missing).toEqual([]);
  expect([...ledger.byClient].filter(([, billed]) => billed.calls !== 1)).toEqual([]);
  expect(ledger.unpriced).toEqual([]);

  // A receipt that a client held when the gateway died is still what the book says.
  const kept = new Map(book.map((one) => [one.id, one]));
  for (const { generation, receipt } of [...before, ...after]) {
    if (!receipt) continue;
    expect(kept.get(generation ?? '')?.receipt).toMatchObject({ total: receipt.total, status: receipt.status });
  }
}

/** Jobs go on where they were, and their outputs can be heard. */
async function jobsEndWell({ jobs, book }: Aftermath): Promise<void> {
  for (const id of jobs) {
    const job = book.find((one) => one.id === id)!;
    expect(job.status, JSON.stringify(job)).toBe('completed');
    expect(job.receipt).toMatchObject({ status: 'priced', lines: [{ meter: 'gpu_seconds' }] });
    const answer = await fetch(job.outputs[0]!.url!);
    expect(answer.status).toBe(200);
    const audio = await parseBuffer(new Uint8Array(await answer.arrayBuffer()));
    expect(audio.format.duration).toBeCloseTo(3, 1);
  }
}

afterAll(stopProcesses);

describe.each(['one'])('kill -9 in the middle of 200 generations, moment %s', (seed) => {
  let world: Awaited<ReturnType<typeof killInTheMiddle>>;
  beforeAll(async () => {
    world = await killInTheMiddle(seed, (all) => all);
  }, 60_000);
  afterAll(() => world?.stop());

  it('#44 loses nothing and bills nothing twice', () => nothingIsLost(world));

  it('#44 agrees with the providers to the pico-dollar, attempt by attempt', () => {
    const { book, ledger, spend } = world;
    const wrong = book.filter((one) => totalOf(one) !== (ledger.byClient.get(one.attempts[0]!.id)?.pico ?? 0n));
    expect(wrong).toEqual([]);
    expect({ receipts: sum(book.map(totalOf)), spend }).toEqual({ receipts: ledger.total, spend: ledger.total });
    expect(ledger.total).toBeGreaterThan(0n);
    const unsure = book.filter((one) => !['priced', 'not_billable'].includes(one.receipt?.status ?? ''));
    expect(unsure).toEqual([]);
  });

  it('ends the jobs that were under way', () => jobsEndWell(world));
});

describe('kill -9 where the providers cannot be asked', () => {
  let world: Awaited<ReturnType<typeof killInTheMiddle>>;
  beforeAll(async () => {
    world = await killInTheMiddle('unasked', ({ ATELIER_LOOKUP_URL: _, ...rest }) => rest);
  }, 60_000);
  afterAll(() => world?.stop());

  it('#44 loses nothing and bills nothing twice', () => nothingIsLost(world));

  it('#44 differs only in attempts flagged as estimated, and there never by too little', () => {
    const { book, ledger, spend } = world;
    expect(sum(book.map(totalOf))).toBe(spend);
    expect(spend).toBeGreaterThanOrEqual(ledger.total);
    const different = book
      .map((one) => ({ one, billed: ledger.byClient.get(one.attempts[0]!.id)?.pico ?? 0n }))
      .filter(({ one, billed }) => totalOf(one) !== billed);
    expect(different.length).toBeGreaterThan(0);
    expect(different.filter(({ one }) => one.receipt?.status !== 'priced_estimated')).toEqual([]);
    expect(different.filter(({ one, billed }) => totalOf(one) < billed)).toEqual([]);
    expect(different.filter(({ one }) => one.error?.code !== 'outcome_unknown')).toEqual([]);
  });

  it('ends the jobs that were under way', () => jobsEndWell(world));
});
