import { isObject, type Json, type JsonObject } from '../../../src/contract/index.ts';
import { musicPcm, png, wav } from '../media/index.ts';
import { hash32, random } from '../seed.ts';
import type { SimulatorContext } from '../simulator.ts';
import { type Task, Tasks, taskFaultIn } from '../tasks.ts';
import { directs, type KnownModel } from './models.ts';
import { writeWebhook } from './webhook.ts';
import { chargesFor, type OutputFile, type Work as Plan, plan } from './work.ts';

type Work = {
  model: KnownModel;
  version: string;
  deployment?: string;
  input: JsonObject;
  plan: Plan;
  files: OutputFile[];
  /** Where the caller reaches this API, and where files are fetched from. */
  api: string;
  delivery: string;
  deadline?: number;
  /** Ended before it started. */
  aborted?: boolean;
};
export type Job = Task<Work>;

type Asked = Pick<Work, 'model' | 'version' | 'input' | 'api' | 'delivery' | 'deployment'> & {
  cancelAfterMs?: number;
  webhook?: string;
};

const lifeMs = 3_600_000;
const statusOf = { queued: 'starting', running: 'processing', succeeded: 'succeeded', failed: 'failed' } as const;
const reasons = {
  fail: 'Simulated failure: the prompt asked for it.',
  filtered: 'NSFW content detected. Try running it again, or try a different prompt.',
} as const;

/** The predictions of one simulator. A job is moved on by being looked at: starting, then processing, then its end. */
export class Jobs {
  private readonly tasks: Tasks<Work>;
  private readonly seen = new Map<string, number>();
  private readonly context: SimulatorContext;

  constructor(context: SimulatorContext) {
    this.context = context;
    this.tasks = new Tasks<Work>(context, (job) => writeWebhook(job, this.view(job), context));
  }

  /** Starts a job. It is billed at once for what it will cost, because a job left alone runs to its end. */
  create(asked: Asked, request: Request, heard?: string): Job {
    const { cancelAfterMs, webhook, ...facts } = asked;
    const { model, input } = facts;
    const id = this.newId(`${model.slug}|${JSON.stringify(input)}`);
    const planned = plan(model, input, this.context.seed, heard);
    const prompt = `${Object.values(input).filter(isText).join(' ')} ${heard ?? ''}`;
    const fault = taskFaultIn(this.context, prompt, request);
    const aborts = this.aborts(input);
    const files =
      fault === 'empty' ? [] : fault === 'wrong-type' ? wrongFiles(model, planned.files, id) : planned.files;
    const work: Work = { ...facts, plan: planned, files };
    if (cancelAfterMs !== undefined) work.deadline = this.context.now() + cancelAfterMs;
    return this.tasks.create({
      id,
      work,
      model: model.slug,
      prompt,
      charges: aborts ? [] : chargesFor(model, files.length, planned.predictMs),
      chargesFailed: aborts ? [] : chargesFor(model, 0, planned.predictMs >> 1),
      request,
      ...(webhook ? { webhook } : {}),
    });
  }

  find(id: string): Job | undefined {
    return this.tasks.find(id);
  }

  /** Newest first. */
  list(): Job[] {
    return this.tasks.list();
  }

  /** One step of a job's life. */
  advance(job: Job): void {
    if (job.ended !== undefined) return;
    const { deadline, input } = job.work;
    const late = deadline !== undefined && this.context.now() >= deadline;
    if (late || (job.state === 'queued' && this.aborts(input))) {
      job.work.aborted = job.state === 'queued';
      this.tasks.cancel(job);
    } else this.tasks.look(job);
  }

  /** Ends an open job; what ran so far (half of it, while processing) stays on the bill. */
  cancel(job: Job): void {
    this.tasks.cancel(job);
  }

  /** A file of a job's output, as long as it is kept. */
  file(id: string, name: string): OutputFile | undefined {
    const job = this.find(id);
    if (job?.state !== 'succeeded' || job.fault === 'expired' || this.expired(job)) return undefined;
    return job.work.files.find((file) => file.name === name);
  }

  /** Inputs, outputs and logs are deleted an hour after the end. */
  private expired(job: Job): boolean {
    const completed = completedOf(job);
    return completed !== undefined && this.context.now() >= completed + lifeMs;
  }

  private aborts(input: JsonObject): boolean {
    return this.context.faults && directs(input, 'abort');
  }

  /** The prediction as the API shows it. */
  view(job: Job): JsonObject {
    const gone = this.expired(job);
    const { id, work, state, fault } = job;
    const { api, delivery, aborted } = work;
    const time = (name: string, ms: number | undefined) =>
      ms === undefined ? {} : { [name]: new Date(ms).toISOString().replace(/Z$/, '000Z') };
    const completed = completedOf(job);
    const total = ((completed ?? 0) - job.created) / 1000;
    const status = state === 'canceled' ? (aborted ? 'aborted' : 'canceled') : statusOf[state];
    return {
      id,
      model: work.model.slug,
      version: work.version,
      ...(work.deployment ? { deployment: work.deployment } : {}),
      input: gone ? {} : work.input,
      logs: gone ? '' : logsOf(job),
      output: gone || state !== 'succeeded' ? null : outputOf(job),
      data_removed: gone,
      error: state === 'failed' ? reasons[fault === 'filtered' ? 'filtered' : 'fail'] : null,
      source: 'api',
      status,
      ...time('created_at', job.created),
      ...time('started_at', job.started),
      ...time('completed_at', completed),
      ...time('deadline', work.deadline),
      ...(completed === undefined
        ? {}
        : { metrics: aborted ? { total_time: total } : { predict_time: spentMs(job) / 1000, total_time: total } }),
      urls: {
        web: `${delivery}/p/${id}`,
        get: `${api}/predictions/${id}`,
        cancel: `${api}/predictions/${id}/cancel`,
        stream: `${api}/predictions/${id}/stream`,
      },
    };
  }

  clear(): void {
    this.tasks.clear();
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

/** Computing time spent, in milliseconds: half of it where the job broke or was stopped while it ran. */
function spentMs({ state, started, work }: Job): number {
  if (started === undefined) return 0;
  return state === 'succeeded' ? work.plan.predictMs : work.plan.predictMs >> 1;
}

/** When a job ended by its own computing time; undefined while it is open. */
function completedOf(job: Job): number | undefined {
  return job.ended === undefined ? undefined : (job.started ?? job.ended) + spentMs(job);
}

/** Files of another kind than the model makes, under the names of the right ones. */
function wrongFiles(model: KnownModel, files: OutputFile[], id: string): OutputFile[] {
  const make = () => png({ width: 64, height: 64, seed: id });
  const tone = () =>
    wav(musicPcm({ prompt: id, seconds: 1, sampleRate: 8_000, channels: 1, seed: id }), {
      sampleRate: 8_000,
      channels: 1,
    });
  const wrong = {
    mediaType: model.kind === 'image' ? 'audio/wav' : 'image/png',
    make: model.kind === 'image' ? tone : make,
  };
  return files.length > 0 ? files.map(({ name }) => ({ name, ...wrong })) : [{ name: 'out.png', ...wrong }];
}

function isText(value: Json): value is string {
  return typeof value === 'string' && !value.startsWith('data:');
}

function outputOf(job: Job): Json {
  const { files, plan: planned, delivery } = job.work;
  const urls = files.map((file) => `${delivery}/files/${job.id}/${file.name}`);
  if (planned.text !== undefined && files.length === 0) {
    if (job.fault === 'empty') return null;
    return { text: planned.text, segments: [{ id: 0, start: 0, text: planned.text }], language: 'en' };
  }
  return planned.shape === 'list' ? urls : (urls[0] ?? null);
}

function logsOf(job: Job): string {
  if (job.state === 'queued' || job.work.aborted) return '';
  const { input } = job.work;
  const seed = `Using seed: ${isObject(input) && typeof input.seed === 'number' ? input.seed : hash32(job.id)}\n`;
  return `${seed} 50%|█████     | 2/4\n${job.state === 'succeeded' ? '100%|██████████| 4/4\n' : ''}`;
}
