import { runDemo } from './demo.ts';
import { reasonOf } from './run-job.ts';

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    interrupted.abort(new Error('Interrupted.'));
    process.stderr.write('\nInterrupted: stopping. Once more to stop at once.\n');
  });
}
// A reader such as `head` may close the pipe early.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const { env, stdout, stderr } = process;
process.exitCode = await runDemo(process.argv.slice(2), { env, stdout, stderr, signal: interrupted.signal }).catch(
  (thrown: unknown) => {
    if (interrupted.signal.aborted) return 130;
    stderr.write(`${reasonOf(thrown)}\n`);
    return 1;
  },
);
