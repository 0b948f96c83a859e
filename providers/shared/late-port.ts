import type { MediaModality, MediaPort } from '../../src/contract/index.ts';

/**
 * A port whose code is loaded when it first makes something: a gateway that only passes text never pays for it. What it honours is
 * known before.
 */
export function latePort<M extends MediaModality>(
  honours: NonNullable<MediaPort<M>['honours']>,
  load: () => Promise<Pick<MediaPort<M>, 'submit'>>,
): MediaPort<M> {
  return { honours, submit: async (request, call) => (await load()).submit(request, call) };
}

/** The same of a port whose jobs are asked about and stopped. */
export function lateJobPort<M extends MediaModality>(
  honours: NonNullable<MediaPort<M>['honours']>,
  load: () => Promise<Pick<Required<MediaPort<M>>, 'submit' | 'poll' | 'cancel'>>,
): MediaPort<M> {
  return {
    ...latePort(honours, load),
    poll: async (ref, call) => (await load()).poll(ref, call),
    cancel: async (ref, call) => (await load()).cancel(ref, call),
  };
}
