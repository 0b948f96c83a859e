import type { JsonObject } from '../../../src/contract/index.ts';
import { at } from '../../../src/contract/index.ts';
import { type SimulatorContext, uuidOf } from '../simulator.ts';
import { type Task, Tasks } from '../tasks.ts';
import { checkInput, type Endpoint, type Fault } from './models.ts';
import { type Plan, planWork, type ResultFile } from './work.ts';

/** A job: its plan, or the faults for which the runner refuses it. */
export type Work = {
  endpoint: Endpoint;
  input: JsonObject;
  plan?: Plan;
  faults: Fault[];
  files: ResultFile[];
  cdn: string;
};
export type Job = Task<Work>;

/** The body of a result and its status; `units` where it is billed. */
export type Result = { status: number; body: JsonObject; units?: number };

const policy: Fault = {
  loc: ['body', 'prompt'],
  msg: 'The content could not be processed because it was flagged by a content checker.',
  type: 'content_policy_violation',
};
const broken = { detail: 'The runner encountered an internal server error.', error_type: 'runner_server_error' };
const stopped = { detail: 'The request was cancelled by the client.', error_type: 'client_cancelled' };

/** The jobs of fal's queue: only what ends with a result is billed. */
export class Queue {
  readonly tasks: Tasks<Work>;
  private readonly context: SimulatorContext;
  private readonly seen = new Map<string, number>();

  constructor(context: SimulatorContext) {
    this.context = context;
    this.tasks = new Tasks<Work>(context, (job) => this.writeWebhook(job));
  }

  submit(endpoint: Endpoint, input: JsonObject, cdn: string, more: { request: Request; webhook?: string }): Job {
    const id = this.newId(`${endpoint.id}|${JSON.stringify(input)}`);
    const faults = checkInput(endpoint, input);
    const seed = `${this.context.seed}|${endpoint.id}|${JSON.stringify(input).slice(0, 2000)}`;
    let plan: Plan | undefined;
    try {
      plan = faults.length > 0 ? undefined : planWork({ endpoint, input, seed });
    } catch (thrown) {
      if (!(thrown instanceof RangeError)) throw thrown;
      faults.push({ loc: ['body', 'audio_url'], msg: thrown.message, type: 'file_download_error' });
    }
    const job = this.tasks.create({
      id,
      work: { endpoint, input, plan, faults, files: plan?.files ?? [], cdn },
      model: endpoint.id,
      prompt: [input.prompt, input.text, plan?.heard].filter((words) => typeof words === 'string').join(' '),
      charges: plan ? [plan.charge] : [],
      ...more,
    });
    if (job.fault === 'empty') job.work.files = [];
    if (job.fault === 'wrong-type') job.work.files = job.work.files.map(() => notes);
    return job;
  }

  /** How a job that has ended went. */
  resultOf({ work, state, fault }: Job): Result {
    if (state === 'canceled') return { status: 499, body: stopped };
    if (work.faults.length > 0) return refusal(work.faults);
    if (state === 'failed') return fault === 'filtered' ? refusal([policy]) : { status: 500, body: broken };
    const { plan, endpoint, files } = work;
    if (!plan) return { status: 500, body: broken };
    const body = plan.write((index): JsonObject => {
      const file = files[index] ?? files[0];
      return file ? { url: `${work.cdn}/${file.name}`, content_type: file.mediaType, file_name: file.name } : {};
    });
    const units = Number((plan.charge.quantity / endpoint.unit.of).toPrecision(12));
    return { status: 200, body: fault === 'empty' ? emptied(body) : body, units };
  }

  clear(): void {
    this.tasks.clear();
    this.seen.clear();
  }

  private writeWebhook(job: Job): RequestInit {
    const { id } = job;
    const { status, body } = job.ended === undefined ? { status: 202, body: null } : this.resultOf(job);
    const told = status < 300 ? { status: 'OK' } : { status: 'ERROR', error: `Unexpected status code: ${status}` };
    return {
      headers: { 'content-type': 'application/json', 'x-fal-webhook-request-id': id },
      body: JSON.stringify({ request_id: id, gateway_request_id: id, ...told, payload: body }),
    };
  }

  /** A UUID: the same for the same request in the same order. */
  private newId(material: string): string {
    const times = this.seen.get(material) ?? 0;
    this.seen.set(material, times + 1);
    return uuidOf(this.context.idFor('', material, String(times)));
  }
}

const notes: ResultFile = {
  name: 'notes.txt',
  mediaType: 'text/plain',
  make: () => new TextEncoder().encode('This is no media.'),
};

/** The result with nothing in it. */
function emptied(body: JsonObject): JsonObject {
  if (Array.isArray(at(body, 'images'))) return { ...body, images: [], has_nsfw_concepts: [] };
  if (typeof body.text === 'string') return { ...body, text: '', words: [] };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => typeof value !== 'object'));
}

function refusal(faults: Fault[]): Result {
  const detail = faults.map((fault) => ({ ...fault, url: `https://docs.fal.ai/errors#${fault.type}` }));
  return { status: 422, body: { detail: JSON.parse(JSON.stringify(detail)) } };
}
