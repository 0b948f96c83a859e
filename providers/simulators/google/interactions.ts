import type { Json, JsonObject } from '../../../src/contract/index.ts';
import { toBase64 } from '../base64.ts';
import type { Charge } from '../bill.ts';
import { mp4, png } from '../media/index.ts';
import { hash32 } from '../seed.ts';
import { serve } from '../serve.ts';
import type { SimulatorContext } from '../simulator.ts';
import { type Task, Tasks, taskFaultIn } from '../tasks.ts';
import { type AskedVideo, readVideoRequest, sizeOf, tokensPerSecond } from './interaction-request.ts';

type Work = AskedVideo & { text: string; model: string; file: string; base: string; thoughts: number; wrong: boolean };

const status: Record<Task<unknown>['state'], string> = {
  queued: 'queued',
  running: 'in_progress',
  succeeded: 'completed',
  failed: 'failed',
  canceled: 'cancelled',
};
const refusal = 'I cannot make this video: it would break the policy on harmful content.';
const refusalTokens = 16;

/**
 * The Interactions API for the models that make videos, in the background or not, and the files it delivers.
 * @see https://ai.google.dev/gemini-api/docs/omni
 */
export class Interactions {
  private readonly context: SimulatorContext;
  private readonly tasks: Tasks<Work>;
  private readonly inline = new Set<string>();

  constructor(context: SimulatorContext) {
    this.context = context;
    this.tasks = new Tasks<Work>(context, (task) => ({
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ type: `interaction.${status[task.state]}`, data: { id: task.id } }),
    }));
  }

  /** POST interactions. `base` is where this API is reached. */
  create(body: JsonObject, text: string, base: string, request: Request): Response {
    const asked = readVideoRequest(body);
    const model = String(body.model).replace(/^models\//, '');
    // The same words again are other work.
    const again = this.tasks.list().filter((task) => task.work.text === text).length;
    const id = this.context.idFor('v1_', model, text, String(again));
    const own = `${this.context.seed}|${model}|${text}`;
    const fault = taskFaultIn(this.context, asked.prompt, request);
    const thoughts = 120 + (hash32(own) % 200);
    const file = this.context.idFor('', 'file', text, String(again)).slice(0, 24);
    const work: Work = { ...asked, text, model, file, base, thoughts, wrong: fault === 'wrong-type' };
    const task = this.tasks.create({
      id,
      work,
      model,
      prompt: asked.prompt,
      charges: fault === 'empty' ? words(work, thoughts) : [...words(work, thoughts), video(work)],
      // A refusal was read and thought about.
      chargesFailed: fault === 'filtered' ? words(work, thoughts + refusalTokens) : [],
      request,
      ...(asked.webhook ? { webhook: asked.webhook } : {}),
    });
    if (asked.inline) this.inline.add(id);
    if (!asked.background) this.tasks.finish(task);
    return json(this.view(task));
  }

  /** GET interactions/{id}: each look moves the work on. */
  look(id: string): Response {
    const task = this.tasks.find(id);
    if (!task) return problem(400, 'invalid_request', 'Invalid interaction name.');
    return json(this.view(this.tasks.look(task)));
  }

  /** POST interactions/{id}/cancel. */
  cancel(id: string): Response {
    const task = this.tasks.find(id);
    if (!task) return problem(400, 'invalid_request', 'Invalid interaction name.');
    if (!this.tasks.cancel(task)) return problem(400, 'invalid_request', 'The interaction is not running any more.');
    return json(this.view(task));
  }

  /** GET files/{name}: the facts of a file; undefined where there is none. */
  file(name: string): JsonObject | undefined {
    const task = this.taskOf(name);
    if (!task) return undefined;
    const at = new Date(task.ended ?? task.created).toISOString();
    return {
      name: `files/${name}`,
      mimeType: 'video/mp4',
      sizeBytes: String(bytesOf(task).length),
      createTime: at,
      updateTime: at,
      expirationTime: new Date((task.ended ?? task.created) + 172_800_000).toISOString(),
      uri: `${task.work.base}/v1beta/files/${name}`,
      downloadUri: addressOf(task.work),
      state: 'ACTIVE',
      source: 'GENERATED',
      videoMetadata: { videoDuration: `${task.work.seconds}s` },
    };
  }

  /** GET files/{name}:download. */
  download(name: string, request: Request): Response | undefined {
    const task = this.taskOf(name);
    return task && serve(request, bytesOf(task), task.work.wrong ? 'image/png' : 'video/mp4');
  }

  clear(): void {
    this.tasks.clear();
    this.inline.clear();
  }

  private taskOf(file: string): Task<Work> | undefined {
    return this.tasks
      .list()
      .find((task) => task.work.file === file && task.state === 'succeeded' && task.fault !== 'expired');
  }

  private view(task: Task<Work>): JsonObject {
    const { work } = task;
    const refused = task.state === 'failed' && task.fault === 'filtered';
    const over = task.ended !== undefined && task.state !== 'canceled';
    const made = task.state === 'succeeded' && task.fault !== 'empty';
    const broken = task.state === 'failed' && !refused;
    const content: Json[] = refused
      ? [{ type: 'text', text: refusal }]
      : made
        ? [{ type: 'video', mime_type: 'video/mp4', ...this.delivered(task) }]
        : [];
    return {
      id: task.id,
      object: 'interaction',
      model: work.model,
      status: refused ? 'completed' : status[task.state],
      created: new Date(task.created).toISOString(),
      updated: new Date(task.ended ?? task.started ?? task.created).toISOString(),
      ...(over && !broken ? { steps: [{ type: 'model_output', content }] } : {}),
      ...(broken ? { errors: [{ code: 'internal', message: 'The model could not finish the video.' }] } : {}),
      ...(over && !broken ? { usage: usageOf(work, made, refused) } : {}),
    };
  }

  private delivered(task: Task<Work>): JsonObject {
    if (!this.inline.has(task.id)) return { uri: addressOf(task.work) };
    return { data: toBase64(bytesOf(task)) };
  }
}

function addressOf(work: Work): string {
  return `${work.base}/v1beta/files/${work.file}:download?alt=media`;
}

function bytesOf({ work }: Task<Work>): Uint8Array {
  const [width, height] = sizeOf(work);
  if (work.wrong) return png({ width: 64, height: 64, seed: work.file });
  return mp4({ width, height, seconds: work.seconds, audio: true, seed: work.file });
}

function video({ seconds, resolution }: Work): Charge {
  return { meter: 'output_video_seconds', quantity: seconds, dims: { resolution, audio: 'true' } };
}

function words({ counts }: Work, output: number): Charge[] {
  const charges: Charge[] = [
    { meter: 'input_text_tokens', quantity: counts.text },
    { meter: 'input_image_tokens', quantity: counts.image },
    { meter: 'output_text_tokens', quantity: output },
  ];
  return charges.filter((charge) => charge.quantity > 0);
}

function usageOf(work: Work, made: boolean, refused: boolean): JsonObject {
  const { counts, thoughts } = work;
  const input = counts.text + counts.image;
  const seen = made ? Math.round(work.seconds * tokensPerSecond(work.resolution)) : 0;
  const said = refused ? refusalTokens : 0;
  const listed = (entries: [string, number][]): Json[] =>
    entries.filter(([, tokens]) => tokens > 0).map(([modality, tokens]) => ({ modality, tokens }));
  return {
    total_input_tokens: input,
    input_tokens_by_modality: listed([
      ['text', counts.text],
      ['image', counts.image],
    ]),
    total_cached_tokens: 0,
    total_output_tokens: seen + said,
    output_tokens_by_modality: listed([
      ['video', seen],
      ['text', said],
    ]),
    total_thought_tokens: thoughts,
    total_tool_use_tokens: 0,
    total_tokens: input + seen + said + thoughts,
  };
}

function json(body: JsonObject): Response {
  return Response.json(body, { headers: { 'content-type': 'application/json; charset=UTF-8' } });
}

/** The envelope of this API: its codes are words. */
export function problem(code: number, word: string, message: string): Response {
  return Response.json({ error: { message, code: word } }, { status: code });
}
