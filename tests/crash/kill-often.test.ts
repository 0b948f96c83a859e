import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { random } from '../../providers/simulators/seed.ts';
import { probe } from '../../src/meter/probe.ts';
import {
  type Generation,
  type Ledger,
  readLedger,
  readSpend,
  type Target,
  waitUntilSettled,
} from '../support/mixed-load.ts';
import { pico } from '../support/money.ts';
import {
  type GatewayProcess,
  makeFolder,
  startGatewayProcess,
  startSimulatorProcess,
  stopProcesses,
} from '../support/processes.ts';

type Task = { name: string; path: string; body: Record<string, unknown> };
type Told = { task: Task; status: number; generation?: string; body?: Generation };

const width = 16;
/** `ATELIER_KILLS=25` runs the whole proof (about three minutes); by default a part of it that is quick enough for every run. */
const kills = Number(process.env.ATELIER_KILLS ?? 3);
const share = kills / 25;

async function send(target: Target, task: Task, keyed: boolean): Promise<Told> {
  const answer = await fetch(target.url + task.path, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${target.appKey}`,
      'content-type': 'application/json',
      ...(keyed ? { 'idempotency-key': task.name } : {}),
    },
    body: JSON.stringify(task.body),
  });
  const text = await answer.text();
  const generation = answer.headers.get('x-atelier-generation') ?? undefined;
  return {
    task,
    status: answer.status,
    ...(generation ? { generation } : {}),
    ...(text.startsWith('{') ? { body: JSON.parse(text) as Generation } : {}),
  };
}

/**
 * Sends all tasks, `width` at a time, to a gateway that is killed `kills` times on the way, each time at another moment, and started again
 * over the same folder. With `keyed`, a client that lost its connection asks again under the same Idempotency-Key.
 */
async function killOften(options: {
  tasks: Task[];
  kills: number;
  seed: string;
  keyed: boolean;
  env?: (all: Record<string, string>) => Record<string, string>;
}) {
  const { kills, keyed } = options;
  const simulators = await startSimulatorProcess({ ATELIER_PACE_MS: '1' });
  const env = { ...(options.env?.(simulators.env) ?? simulators.env), ATELIER_POLL_MS: '20,300' };
  const data = makeFolder();
  let gateway: GatewayProcess = await startGatewayProcess(env, data);
  await fetch(`${gateway.url}/v1/budgets`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ scope: 'tenant', window: 'total', limit: '100000' }),
  });
  const dice = random(options.seed);
  const queue = [...options.tasks];
  const told: Told[] = [];
  let lost = 0;
  let alive = Promise.resolve();
  let deaths = 0;
  let nextDeath = 0;
  const every = Math.floor(options.tasks.length / (kills + 1));
  const plan = () => {
    nextDeath = told.length + lost + 1 + dice.below(Math.max(2, every - 2));
  };
  plan();
  const die = () => {
    deaths++;
    alive = (async () => {
      await new Promise((done) => setTimeout(done, dice.below(12)));
      await gateway.kill('SIGKILL');
      gateway = await startGatewayProcess(env, data);
      plan();
    })();
  };
  const worker = async () => {
    for (let task = queue.shift(); task; task = queue.shift()) {
      await alive;
      if (deaths < kills && nextDeath > 0 && told.length + lost >= nextDeath) {
        nextDeath = 0;
        die();
      }
      try {
        told.push(await send(gateway, task, keyed));
      } catch {
        lost++;
        if (keyed) queue.push(task);
        await alive;
      }
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  while (deaths < kills) {
    die();
    await alive;
  }
  await alive;
  const book = await waitUntilSettled(gateway, 60_000);
  const ledger = await readLedger(simulators);
  const spend = pico((await readSpend(gateway)).total_usd);
  const budgets = await fetch(`${gateway.url}/v1/budgets`, {
    headers: { authorization: `Bearer ${gateway.adminKey}` },
  });
  const use = ((await budgets.json()) as { data: { uses: { held: string; spent: string }[] }[] }).data[0]!.uses[0]!;
  return {
    told,
    lost,
    deaths,
    book,
    ledger,
    spend,
    use,
    gateway,
    stop: () => Promise.all([simulators.kill(), gateway.kill()]),
  };
}

const totalOf = (generation: Generation) => pico(generation.receipt?.total ?? '0');
const sum = (amounts: bigint[]) => amounts.reduce((total, amount) => total + amount, 0n);

/** Every billed call is in the book, and was made once. */
function nothingIsLost(book: Generation[], ledger: Ledger): void {
  const attempts = new Set(book.flatMap((one) => one.attempts.map((attempt) => attempt.id)));
  expect([...ledger.byClient.keys()].filter((client) => !attempts.has(client))).toEqual([]);
  expect([...ledger.byClient].filter(([, billed]) => billed.calls !== 1)).toEqual([]);
}

const billedFor = (ledger: Ledger, one: Generation) =>
  sum(one.attempts.map((attempt) => ledger.byClient.get(attempt.id)?.pico ?? 0n));

afterAll(stopProcesses);

describe(`${kills} × kill -9 during ${Math.round(500 * share)} media jobs`, () => {
  let world: Awaited<ReturnType<typeof killOften>>;
  const kinds = [
    { model: 'replicate/meta/musicgen', seconds: 1 },
    { model: 'replicate/black-forest-labs/flux-schnell' },
    { model: 'fal/fal-ai/flux/dev' },
    { model: 'openai/gpt-image-2', size: '1024x1024', quality: 'low' },
    { model: 'bfl/flux-2-pro' },
    { model: 'openai/gpt-4o-mini-tts' },
    { model: 'runway/gen4.5', seconds: 5 },
    { model: 'elevenlabs/eleven_flash_v2_5' },
  ];
  const tasks = Array.from({ length: Math.round(500 * share) }, (_, index): Task => {
    const { model, ...more } = kinds[index % kinds.length]!;
    return {
      name: `job-${index}`,
      path: '/v1/generations',
      body: { model, input: `Number ${index} is calling.`, wait: 20, ...more },
    };
  });
  beforeAll(async () => {
    world = await killOften({ tasks, kills, seed: 'often', keyed: true });
  }, 240_000);
  afterAll(() => world?.stop());

  it('#44 bills nothing twice and loses nothing; the receipts are what the providers billed', () => {
    const { book, ledger, spend, deaths, lost } = world;
    expect(deaths).toBe(kills);
    expect(lost).toBeGreaterThan(kills);
    nothingIsLost(book, ledger);
    const wrong = book.filter((one) => totalOf(one) !== billedFor(ledger, one));
    expect(
      wrong.map((one) => `${one.id} ${one.model} ${one.status} ${totalOf(one)} ${billedFor(ledger, one)}`),
    ).toEqual([]);
    expect(spend).toBe(ledger.total);
  });

  it('#46 every request came to one generation, however often it was sent', () => {
    const { told, book } = world;
    const byName = new Map<string, Set<string>>();
    for (const { task, generation } of told) {
      if (generation) byName.set(task.name, (byName.get(task.name) ?? new Set()).add(generation));
    }
    expect([...byName.values()].filter((ids) => ids.size > 1)).toEqual([]);
    expect(book.length).toBeLessThanOrEqual(tasks.length);
    expect(new Set(told.map((one) => one.task.name)).size).toBe(tasks.length);
  });

  it('nothing stays held, and what is spent is the ledger', () => {
    const { use, spend } = world;
    expect(use.held).toBe('0');
    expect(pico(use.spent)).toBe(spend);
  });

  it('every finished job has its output', async () => {
    const finished = world.book.filter((one) => one.status === 'completed');
    // Calls that were on the wire when the gateway died have no answer; everything else ended well.
    const others = world.book.filter((one) => one.status !== 'completed');
    expect(others.filter((one) => one.error?.code !== 'outcome_unknown')).toEqual([]);
    expect(finished.length).toBeGreaterThan(others.length);
    const broken: string[] = [];
    await Promise.all(
      finished.map(async (one) => {
        for (const output of one.outputs) {
          const answer = await fetch(output.url!);
          const found = answer.ok ? probe(new Uint8Array(await answer.arrayBuffer())) : undefined;
          if (!found) broken.push(`${one.id} ${one.model} ${answer.status}`);
        }
      }),
    );
    expect(broken).toEqual([]);
  });
});

const worlds = [
  { name: 'with a provider that can be asked', asked: true, count: Math.round(3000 * share) },
  { name: 'with one that cannot', asked: false, count: Math.round(3000 * share) },
];

// The short form leaves the second world to kill.test.ts.
describe.each(worlds.filter(({ asked }) => asked || kills > 3))(
  `${kills} × kill -9 under $count text calls, $name`,
  ({ asked, count }) => {
    let world: Awaited<ReturnType<typeof killOften>>;
    const models = [
      'openai/gpt-5.5',
      'anthropic/claude-sonnet-5',
      'mistral/mistral-large-2512',
      'google/gemini-3.8-flash',
    ];
    const tasks = Array.from({ length: count }, (_, index): Task => {
      const model = models[index % models.length]!;
      const messages = [{ role: 'user', content: `Request ${index}: tell me about the lamp.` }];
      const body = { model, messages, max_tokens: 60, stream: index % 3 === 0 };
      return { name: `call-${index}`, path: '/v1/chat/completions', body };
    });
    beforeAll(async () => {
      const withoutLookup = ({ ATELIER_LOOKUP_URL: _, ...rest }: Record<string, string>) => rest;
      const env = asked ? undefined : withoutLookup;
      world = await killOften({ tasks, kills, seed: `text ${asked}`, keyed: false, ...(env ? { env } : {}) });
    }, 240_000);
    afterAll(() => world?.stop());

    it('misses nothing', () => {
      const { book, ledger, deaths } = world;
      expect(deaths).toBe(kills);
      nothingIsLost(book, ledger);
    });

    it(asked ? 'agrees with the providers to the pico-dollar' : 'counts too much only where it says estimated', () => {
      const { book, ledger, spend } = world;
      expect(sum(book.map(totalOf))).toBe(spend);
      const different = book.filter((one) => totalOf(one) !== billedFor(ledger, one));
      if (asked) expect(different).toEqual([]);
      expect(different.filter((one) => one.receipt?.status !== 'priced_estimated')).toEqual([]);
      expect(different.filter((one) => totalOf(one) < billedFor(ledger, one))).toEqual([]);
    });

    it('nothing stays held, and what is spent is the ledger', () => {
      const { use, spend } = world;
      expect(use.held).toBe('0');
      expect(pico(use.spent)).toBe(spend);
    });
  },
);
