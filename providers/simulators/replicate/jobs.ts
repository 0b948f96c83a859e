import { isObject, type Json, type JsonObject } from '../../../src/contract/index.ts';
import type { BilledCall } from '../bill.ts';
import { hash32, random } from '../seed.ts';
import type { SimulatorContext } from '../simulator.ts';
import { directs, type KnownModel } from './models.ts';
import { chargesFor, type OutputFile, plan, type Work } from './work.ts';

export type Status = 'starting' | 'processing' | 'succeeded' | 'failed' | 'canceled' | 'aborted';

export type Job = {
  id: string;
  model: KnownModel;
  version: string;
  deployment?: string;
  input: JsonObject;
  work: Work;
  status: Status;
  /** Milliseconds since 1970. */
  created: number;
  started?: number;
  completed?: number;
  deadline?: number;
  /** Computing time spent so far, in milliseconds. */
  spentMs: number;
  error?: string;
  files: OutputFile[];
  /** Where the caller reaches this API, and where files are fetched from. */
  api: string;
  delivery: string;
  billed: BilledCall;
};

const lifeMs = 3_600_000;
const kept = 10_000;

/** The predictions of one simulator. A job is moved on by being looked at: starting, then processing, then its end. */
export class Jobs {
  private readonly jobs = new Map<string, Job>();
  private readonly seen = new Map<string, number>();
  private readonly context: SimulatorContext;

  constructor(context: SimulatorContext) {
    this.context = context;
  }

  /** Starts a job. It is billed at once for what it will cost, because a job left alone runs to its end. */
  create(
    asked: Pick<Job, 'model' | 'version' | 'input' | 'api' | 'delivery' | 'deployment'> & { cancelAfterMs?: number },
    client: string | undefined,
    heard?: string,
  ): Job {
    const { cancelAfterMs, ...facts } = asked;
    const { model, input } = facts;
    const created = this.context.now();
    const id = this.newId(`${model.slug}|${JSON.stringify(input)}`);
    const work = plan(model, input, this.context.seed, heard);
    const files = directs(input, 'empty') ? [] : work.files;
    const fails = directs(input, 'fail');
    const predictMs = fails ? work.predictMs >> 1 : work.predictMs;
    const charges = directs(input, 'abort') ? [] : chargesFor(model, fails ? 0 : files.length, predictMs);
    const billed = this.context.bill.add({
      ...(client ? { client } : {}),
      id,
      model: model.slug,
      at: created,
      charges,
    });
    const deadline = cancelAfterMs === undefined ? {} : { deadline: created + cancelAfterMs };
    const job: Job = { ...facts, id, work, files, status: 'starting', created, spentMs: 0, billed, ...deadline };
    this.jobs.set(id, job);
    const oldest = this.jobs.keys().next().value;
    if (this.jobs.size > kept && oldest) this.jobs.delete(oldest);
    return job;
  }

  find(id: string): Job | undefined {
    return this.jobs.get(id);
  }

  /** Newest first. */
  list(): Job[] {
    return [...this.jobs.values()].reverse();
  }

  /** One step of a job's life. */
  advance(job: Job): void {
    if (job.completed !== undefined) return;
    const late = job.deadline !== undefined && this.context.now() >= job.deadline;
    if (late || (job.status === 'starting' && directs(job.input, 'abort'))) {
      this.cancel(job, 'aborted');
      return;
    }
    if (job.status === 'starting') {
      job.status = 'processing';
      job.started = this.context.now();
      return;
    }
    job.spentMs = job.work.predictMs;
    if (directs(job.input, 'fail')) {
      job.error = 'Simulated failure: the prompt asked for it.';
      job.spentMs = job.work.predictMs >> 1;
    }
    this.end(job, job.error ? 'failed' : 'succeeded');
  }

  /** Ends an open job; what ran so far (half of it, while processing) stays on the bill. */
  cancel(job: Job, before: Status = 'canceled'): void {
    if (job.completed !== undefined) return;
    const ran = job.status === 'processing';
    job.spentMs = ran ? job.work.predictMs >> 1 : 0;
    job.billed.charges = chargesFor(job.model, 0, job.spentMs);
    this.end(job, ran ? 'canceled' : before);
  }

  private end(job: Job, status: Status): void {
    job.status = status;
    job.completed = (job.started ?? this.context.now()) + job.spentMs;
    if (status !== 'succeeded') job.files = [];
  }

  /** Inputs, outputs and logs are deleted an hour after the end. */
  expired(job: Job): boolean {
    return job.completed !== undefined && this.context.now() >= job.completed + lifeMs;
  }

  /** The prediction as the API shows it. */
  view(job: Job): JsonObject {
    const gone = this.expired(job);
    const { id, api } = job;
    const time = (name: string, ms: number | undefined) =>
      ms === undefined ? {} : { [name]: new Date(ms).toISOString().replace(/Z$/, '000Z') };
    const spent = job.spentMs / 1000;
    const total = ((job.completed ?? 0) - job.created) / 1000;
    return {
      id,
      model: job.model.slug,
      version: job.version,
      ...(job.deployment ? { deployment: job.deployment } : {}),
      input: gone ? {} : job.input,
      logs: gone ? '' : logsOf(job),
      output: gone || job.status !== 'succeeded' ? null : outputOf(job),
      data_removed: gone,
      error: job.error ?? null,
      source: 'api',
      status: job.status,
      ...time('created_at', job.created),
      ...time('started_at', job.started),
      ...time('completed_at', job.completed),
      ...time('deadline', job.deadline),
      ...(job.completed === undefined
        ? {}
        : { metrics: job.status === 'aborted' ? { total_time: total } : { predict_time: spent, total_time: total } }),
      urls: {
        web: `${job.delivery}/p/${id}`,
        get: `${api}/predictions/${id}`,
        cancel: `${api}/predictions/${id}/cancel`,
        stream: `${api}/predictions/${id}/stream`,
      },
    };
  }

  clear(): void {
    this.jobs.clear();
    this.seen.clear();
  }

  /** 26 letters and digits: the same for the same request in the same order. */
  newId(material: string): string {
    const times = this.seen.get(material) ?? 0;
    this.seen.set(material, times + 1);
    const dice = random(`${this.context.seed}|${times}|${hash32(material)}|${material}`);
    return Array.from({ length: 26 }, () => 'abcdefghijklmnopqrstuvwxyz234567'[dice.below(32)]).join('');
  }
}

function outputOf(job: Job): Json {
  const urls = job.files.map((file) => `${job.delivery}/files/${job.id}/${file.name}`);
  if (job.work.text !== undefined) {
    if (directs(job.input, 'empty')) return null;
    return { text: job.work.text, segments: [{ id: 0, start: 0, text: job.work.text }], language: 'en' };
  }
  return job.work.shape === 'list' ? urls : (urls[0] ?? null);
}

function logsOf(job: Job): string {
  if (job.status === 'starting' || job.status === 'aborted') return '';
  const seed = `Using seed: ${isObject(job.input) && typeof job.input.seed === 'number' ? job.input.seed : hash32(job.id)}\n`;
  return `${seed} 50%|█████     | 2/4\n${job.status === 'succeeded' ? '100%|██████████| 4/4\n' : ''}`;
}
