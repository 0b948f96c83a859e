import { mp3, png } from '../media/index.ts';
import { serve } from '../serve.ts';
import { type SimulatorContext, stableHex } from '../simulator.ts';
import type { Task } from '../tasks.ts';
import type { File, Work } from './work.ts';

/** How long an output's address lives. */
const lifeMs = 24 * 3_600_000;

/** Addresses of outputs: signed, expiring, served by the simulator itself. */
export class Files {
  private readonly context: SimulatorContext;

  constructor(context: SimulatorContext) {
    this.context = context;
  }

  /** The outputs of an ended task, as its directive has them. */
  outputs(task: Task<Work>): string[] {
    if (task.fault === 'empty') return [];
    return this.filesOf(task).map((file) => {
      const expires = Math.floor((this.context.now() + (task.fault === 'expired' ? -1000 : lifeMs)) / 1000);
      return `${task.work.base}/outputs/${task.id}/${file.name}?_jwt=${this.sign(task.id, file.name, expires)}.${expires}`;
    });
  }

  /** The answer to a request for an output; undefined where the path is none. */
  answer(request: Request, find: (id: string) => Task<Work> | undefined): Response | undefined {
    const url = new URL(request.url);
    const [, id = '', name = ''] = /\/outputs\/([0-9a-f-]{36})\/([\w.]+)$/.exec(url.pathname) ?? [];
    if (!id || (request.method !== 'GET' && request.method !== 'HEAD')) return undefined;
    const [signature, expires] = (url.searchParams.get('_jwt') ?? '').split('.');
    const until = Number(expires);
    if (signature !== this.sign(id, name, until)) return new Response('Access denied', { status: 403 });
    if (this.context.now() >= until * 1000) return new Response('Signed URL expired', { status: 403 });
    const task = find(id);
    const file = task?.state === 'succeeded' ? this.filesOf(task).find((one) => one.name === name) : undefined;
    return file ? serve(request, file.make(), file.mediaType) : new Response('Not found', { status: 404 });
  }

  private filesOf(task: Task<Work>): File[] {
    if (task.fault !== 'wrong-type') return task.work.files;
    if (task.work.endpoint !== 'text_to_image') {
      const make = () => png({ width: 64, height: 64, seed: task.id });
      return [{ name: '0.png', mediaType: 'image/png', make }];
    }
    return [{ name: '0.mp3', mediaType: 'audio/mpeg', make: () => mp3({ seconds: 1, seed: task.id }) }];
  }

  private sign(id: string, name: string, expires: number): string {
    return stableHex(`${this.context.seed}|${id}|${name}|${expires}`);
  }
}
