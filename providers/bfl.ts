import type { MediaPort, Provider } from '../src/contract/index.ts';
import { honoured, writeInput } from './bfl/input.ts';
import { readUsage } from './bfl/usage.ts';

// A gateway that makes nothing there needs none of these.
const client = () => import('./bfl/client.ts');
const task = () => import('./bfl/task.ts');

type Fields = ReturnType<NonNullable<MediaPort<'image'>['honours']>>;

/** Black Forest Labs: FLUX models, one picture a task. There is no way to cancel one. https://docs.bfl.ai */
export const bfl: Provider = {
  id: 'bfl',
  media: {
    image: {
      async submit(request, call) {
        const { submitTask, writeRef } = await client();
        const { pollAfterMs } = await task();
        const { input, warnings } = await writeInput(request, call);
        const held = await submitTask(call, input, warnings);
        return { status: 'queued', ref: writeRef(held), pollAfterMs };
      },
      async poll(ref, call) {
        const { askTask, readRef } = await client();
        const { readTask } = await task();
        const held = readRef(ref);
        return readTask(await askTask(call, held), held, call);
      },
      honours: (call) => honoured(call) as Fields,
    },
  },
  readUsage,
};
