import { flushCompileCache } from 'node:module';
import { giveBackMemory } from './runtime/node/give-back.ts';
import { startNode } from './runtime/node/start.ts';

const starting = startNode(process.env);
// From the first moment on: a signal during the start is obeyed as soon as there is something to close.
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, async () => {
    console.log(`${signal}: draining.`);
    const { close } = await starting;
    await close();
    process.exit(0);
  });
}
await starting;
// A server is rarely stopped in a way that would write the cache.
setTimeout(() => {
  flushCompileCache();
  void giveBackMemory();
}, 1_000).unref();
