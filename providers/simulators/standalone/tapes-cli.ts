import { parseArgs } from 'node:util';
import { shipped } from '../../../config/files.ts';
import { loadShipped } from '../../../config/load.ts';
import { type Drift, driftOf } from '../drift.ts';
import { createSimulators } from '../index.ts';
import { schemaCheck } from './schema-check.ts';
import { startRecorder, startReplay, tapeFolder } from './tapes.ts';

/** `record`, `replay` and `drift`; returns the exit code. A server runs until SIGINT or SIGTERM. */
export async function runTapes(command: 'record' | 'replay' | 'drift', words: string[]): Promise<number> {
  const { values } = parseArgs({
    args: words,
    options: {
      provider: { type: 'string' },
      to: { type: 'string' },
      fixtures: { type: 'string', default: 'fixtures' },
      port: { type: 'string' },
      specs: { type: 'string' },
      timed: { type: 'boolean', default: false },
    },
  });
  const { provider, to, fixtures: folder, specs, timed } = values;
  const port = values.port ? Number(values.port) : 9091;
  if (command === 'drift') {
    const drifts = await driftOfFolder(folder, specs);
    for (const { call, fingerprint, what } of drifts) console.log(`${call} (${fingerprint})\n  ${what}`);
    console.log(drifts.length === 0 ? 'No drift.' : `${drifts.length} drift(s).`);
    return drifts.length === 0 ? 0 : 1;
  }
  if (command === 'record' && (!provider || !to || !URL.canParse(to))) {
    console.error('record needs --provider <id> and --to <url>.');
    return 1;
  }
  const server =
    command === 'record'
      ? await startRecorder({ provider: provider!, to: to!, folder, port })
      : await startReplay({ folder, port, timed });
  const doing = command === 'record' ? `Recording ${provider} at ${to} into ${folder}` : `Replaying ${folder}`;
  console.log(`# ${doing}. Base URL: ${server.url}/${provider ?? '<provider>'}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => server.close().then(() => process.exit(0)));
  }
  return 0;
}

/** Every drift of every tape of a folder. @param specs a folder of the vendors' OpenAPI descriptions. */
export async function driftOfFolder(folder: string, specs?: string): Promise<Drift[]> {
  const { shelf, read } = tapeFolder(folder);
  const config = await loadShipped(shipped);
  const simulators = createSimulators(config.providers, { prices: config.prices });
  const check = specs ? await schemaCheck(specs) : undefined;
  const drifts: Drift[] = [];
  for (const tape of await read()) {
    const simulator = simulators.get(tape.provider);
    if (simulator) drifts.push(...(await driftOf(tape, simulator.fetch, shelf, check)));
    else
      drifts.push({
        call: tape.provider,
        fingerprint: tape.fingerprint,
        what: 'there is no simulator of this provider',
      });
  }
  return drifts;
}
