import { stringAt } from '../../../src/contract/index.ts';
import { mp3, png } from '../media/index.ts';
import { json } from '../requests.ts';
import { createSimulator, type Simulator, type SimulatorContext, type SimulatorOptions } from '../simulator.ts';
import { type Task, Tasks, taskFaultIn } from '../tasks.ts';
import { type Asked, Files, Ids, vendorHandler } from './wire.ts';

type Work = { prompt: string; path: string | undefined; files: string; number: number };

/** Pixels of a grid of four at each ratio. */
const grids: Record<string, [number, number]> = {
  '1:1': [2048, 2048],
  '16:9': [2912, 1632],
  '9:16': [1632, 2912],
  '4:3': [2464, 1856],
  '3:4': [1856, 2464],
  '3:2': [2688, 1792],
  '2:3': [1792, 2688],
};

/**
 * A Midjourney task API as midjourney-proxy and those like it speak it: every answer is 200, `code` 1 means taken.
 * https://github.com/novicezk/midjourney-proxy/blob/main/docs/api.md
 */
export function midjourney(options?: SimulatorOptions): Simulator {
  return createSimulator('midjourney', handler, options);
}

function handler(context: SimulatorContext) {
  const files = new Files();
  const ids = new Ids(context);
  const tasks = new Tasks<Work>(context, (task) => ({
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(view(task)),
  }));

  const imagine = ({ body, files: base, request }: Asked) => {
    const prompt = stringAt(body, 'prompt')?.trim() ?? '';
    if (prompt === '') return json({ code: 4, description: 'prompt cannot be empty', properties: {} });
    const pictures = Array.isArray(body.base64Array) ? body.base64Array : [];
    if (pictures.some((one) => !/^data:image\/\w+;base64,\S+$/.test(String(one))))
      return json({ code: 4, description: 'base64Array is not valid', properties: {} });
    const fault = taskFaultIn(context, prompt, request);
    if (fault === 'filtered')
      return json({
        code: 24,
        description: 'Banned prompt detected',
        properties: { promptEn: prompt, bannedWord: 'filtered' },
      });
    const ratio = /--ar (\d+:\d+)/.exec(prompt)?.[1] ?? '1:1';
    const [width, height] = grids[ratio] ?? [2048, 2048];
    // Sixteen digits, as the proxy counts them.
    const id = String(BigInt(`0x${ids.next().replaceAll('-', '').slice(0, 12)}`) + 10n ** 15n);
    const make = () => (fault === 'wrong-type' ? mp3({ seconds: 1 }) : png({ width, height, seed: prompt }));
    const path = fault === 'empty' ? undefined : `/files/${id}.png`;
    if (path && fault !== 'expired') files.add(`${id}.png`, 'image/png', make);
    const webhook = stringAt(body, 'notifyHook');
    tasks.create({
      id,
      work: { prompt, path, files: base, number: tasks.list().length },
      model: `v${/--v (\S+)/.exec(prompt)?.[1] ?? '7'}`,
      prompt,
      charges: path ? [{ meter: 'images', quantity: 1 }] : [],
      request,
      ...(webhook ? { webhook } : {}),
    });
    return json({ code: 1, description: 'Submit success', result: id, properties: {} });
  };

  const withTask = (id: string | undefined, use: (task: Task<Work>) => Response) => {
    const task = tasks.find(id ?? '');
    return task ? use(task) : new Response(null, { status: 204 });
  };
  const cancel = ({ names }: Asked) =>
    withTask(names.id, (task) =>
      json(
        tasks.cancel(task)
          ? { code: 1, description: 'Success', result: task.id }
          : { code: 4, description: 'The task has ended' },
      ),
    );

  const vendor = {
    refuse: (request: Request) =>
      request.headers.get('mj-api-secret') ? undefined : json({ code: 401, description: 'Unauthorized' }, 401),
    writeError: (status: number, message: string) => json({ code: status, description: message }, status),
    reset: () => {
      tasks.clear();
      ids.clear();
    },
  };
  return vendorHandler(context, vendor, files, [
    ['POST', '/mj/submit/imagine', imagine],
    ['GET', '/mj/task/:id/fetch', ({ names }) => withTask(names.id, (task) => json(view(tasks.look(task))))],
    ['POST', '/mj/task/:id/cancel', cancel],
    ['GET', '/mj/task/list', () => json(tasks.list().map(view))],
  ]);
}

const words = {
  queued: 'SUBMITTED',
  running: 'IN_PROGRESS',
  succeeded: 'SUCCESS',
  failed: 'FAILURE',
  canceled: 'CANCEL',
};

function view({ id, state, work, created, started, ended }: Task<Work>) {
  const done = state === 'succeeded' && work.path !== undefined;
  return {
    id,
    action: 'IMAGINE',
    status: words[state],
    progress: { queued: '0%', running: '60%', succeeded: '100%', failed: '60%', canceled: '60%' }[state],
    prompt: work.prompt,
    promptEn: work.prompt,
    description: `/imagine ${work.prompt}`,
    imageUrl: done ? work.files + work.path : null,
    failReason: state === 'failed' ? '[Failed to process your command] Please try again.' : null,
    submitTime: created,
    startTime: started ?? null,
    finishTime: ended ?? null,
    buttons: done
      ? ['U1', 'U2', 'U3', 'U4', 'V1', 'V2', 'V3', 'V4'].map((label) => ({ customId: `MJ::JOB::${label}`, label }))
      : [],
    properties: {},
  };
}
