import PQueue from 'p-queue';
import type { Env } from '../assemble.ts';
import { type Client, createClient, RefusedError } from './client.ts';
import { forecastLines } from './forecast-table.ts';
import { help, type Options, readOptions, UsageError } from './options.ts';
import { type OwnGateway, startOwnGateway } from './own-gateway.ts';
import { choose, forecastAsked, type Job } from './plan.ts';
import { openProgress, type Progress } from './progress.ts';
import { resultTable, spendTable, totalOf } from './report.ts';
import { resultLine } from './result-line.ts';
import { type Result, runJob } from './run-job.ts';
import { painterFor, type Sink } from './terminal.ts';

/** Jobs under way at the same time. */
const atOnce = 4;

export type World = { env: Env; stdout: Sink; stderr: Sink; signal: AbortSignal };

/** The whole demo. Resolves to the exit code: 0 all well, 1 a job failed (or none could run), 2 wrong usage. Rejects when interrupted or without a gateway. */
export async function runDemo(argv: readonly string[], world: World): Promise<number> {
  let options: Options;
  try {
    options = readOptions(argv, world.env);
  } catch (thrown) {
    if (!(thrown instanceof UsageError)) throw thrown;
    world.stderr.write(`${thrown.message}\nTry --help.\n`);
    return 2;
  }
  if (options.help) {
    world.stdout.write(help);
    return 0;
  }
  let own: OwnGateway | undefined;
  try {
    if (!options.running) own = await startOwnGateway(world.env, options.data);
    const { url, key } = options.running ?? own!;
    return await drive(createClient(url, key, world.signal), url, options, world);
  } finally {
    await own?.close();
  }
}

async function drive(client: Client, url: string, options: Options, world: World): Promise<number> {
  const { stdout, stderr, signal } = world;
  const jobs = choose(options.only);
  const listed = await client.models().catch((thrown: unknown) => {
    if (thrown instanceof RefusedError || signal.aborted) throw thrown;
    throw new Error(`No gateway answers on ${url}`, { cause: (thrown as Error).cause ?? thrown });
  });
  const run = crypto.randomUUID();
  const paint = painterFor(stderr, world.env);
  stderr.write(`${options.running ? 'Driving' : 'Started'} the gateway on ${url}: ${jobs.length} jobs.\n`);
  const progress = openProgress(stderr, jobs.length, paint);
  let results: Result[];
  try {
    results = await runAll(client, jobs, listed, { folder: options.out, run, progress, signal }, (result) => {
      if (options.json) stdout.write(`${JSON.stringify(resultLine(result))}\n`);
    });
  } finally {
    progress.stop();
  }
  signal.throwIfAborted();
  const rows = await client.spend(`demo=${run}`);
  const receipts = totalOf(results.map((result) => result.costUsd));
  const booked = totalOf(rows.map((row) => row.cost_usd));
  const simulated = results.filter((result) => result.generation?.simulated).length;
  if (options.json) {
    const spend = rows.map(({ tag: _, ...row }) => row);
    stdout.write(
      `${JSON.stringify({ type: 'spend', rows: spend, total_usd: booked, receipts_usd: receipts, simulated })}\n`,
    );
    stdout.write(`${JSON.stringify({ type: 'forecast', ...(await client.forecast(forecastAsked)) })}\n`);
  } else {
    const colours = painterFor(stdout, world.env);
    stdout.write(
      `\n${resultTable(results, colours, (stdout.isTTY && stdout.columns) || undefined)}\n\nSpend of this run, as the gateway's book has it:\n\n`,
    );
    stdout.write(`${spendTable(rows, colours)}\n\n${closing(results, options.out, receipts, booked, simulated)}`);
    stdout.write("\nThe last month in the gateway's book, at more volume (list prices):\n\n");
    stdout.write(`${forecastLines(await client.forecast(forecastAsked), colours).join('\n')}\n`);
  }
  const failed =
    results.some((result) => result.state === 'failed') || !results.some((result) => result.state === 'done');
  return failed ? 1 : 0;
}

type Run = { folder: string; run: string; progress: Progress; signal: AbortSignal };

/** Runs the jobs, a few at a time; a transcription starts when its speech is there. Results come in the order of the jobs. */
function runAll(
  client: Client,
  jobs: readonly Job[],
  listed: ReadonlySet<string>,
  { folder, run, progress, signal }: Run,
  report: (result: Result) => void,
): Promise<Result[]> {
  const queue = new PQueue({ concurrency: atOnce });
  const begun = new Map<string, Promise<Result>>();
  const skip = (job: Job, note: string): Result => ({ job, state: 'skipped', note, saved: [], units: [] });
  const one = async (job: Job): Promise<Result> => {
    if (!listed.has(job.model)) return skip(job, 'this gateway does not offer it');
    const speech = job.hears && (await begun.get(job.hears.job));
    if (job.hears && speech?.state !== 'done') return skip(job, `there is no ${job.hears.job} to hear`);
    return queue.add(async () => {
      if (signal.aborted) return skip(job, 'interrupted');
      progress.start(job);
      return runJob(client, job, folder, { demo: run }, speech);
    });
  };
  for (const job of jobs) {
    const result = one(job).then((done) => {
      if (signal.aborted) return done;
      progress.finish(done);
      report(done);
      return done;
    });
    begun.set(job.name, result);
  }
  return Promise.all(begun.values());
}

function closing(results: Result[], folder: string, receipts: string, booked: string, simulated: number): string {
  const count = (state: Result['state']) => results.filter((result) => result.state === state).length;
  const done = count('done');
  const lines = [`${done} done, ${count('failed')} failed, ${count('skipped')} skipped. Outputs are in ${folder}.`];
  lines.push(
    receipts === booked
      ? `The receipts add up to $${receipts}, as the book does, to the last pico-dollar.`
      : `The receipts add up to $${receipts}; the book has $${booked}, which includes failed attempts.`,
  );
  if (simulated > 0)
    lines.push(`${simulated} of ${done} answers are simulated: priced like real ones, paid by nobody.`);
  return `${lines.join('\n')}\n`;
}
