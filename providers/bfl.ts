import type { MediaPort, Provider } from '../src/contract/index.ts';
import { askTask, readRef, submitTask, writeRef } from './bfl/client.ts';
import { honoured, writeInput } from './bfl/input.ts';
import { pollAfterMs, readTask } from './bfl/task.ts';
import { readUsage } from './bfl/usage.ts';

type Fields = ReturnType<NonNullable<MediaPort<'image'>['honours']>>;

/** Black Forest Labs: FLUX models, one picture a task. There is no way to cancel one. https://docs.bfl.ai */
export const bfl: Provider = {
  id: 'bfl',
  media: {
    image: {
      async submit(request, call) {
        const { input, warnings } = await writeInput(request, call);
        const held = await submitTask(call, input, warnings);
        return { status: 'queued', ref: writeRef(held), pollAfterMs };
      },
      async poll(ref, call) {
        const held = readRef(ref);
        return readTask(await askTask(call, held), held, call);
      },
      honours: (call) => honoured(call) as Fields,
    },
  },
  readUsage,
};
