import { enableCompileCache } from 'node:module';

// Before anything else is loaded: the second start reads stripped and compiled code from the cache.
enableCompileCache();
const { startNode } = await import('./runtime/node/start.ts');
const { close } = await startNode(process.env);
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    console.log(`${signal}: draining.`);
    close().then(() => process.exit(0));
  });
}
