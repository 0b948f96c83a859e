import { afterAll, expect, it } from 'vitest';
import { type Generation, readOne, waitUntilSettled } from '../support/mixed-load.ts';
import { startGatewayProcess, startSimulatorProcess, stopProcesses } from '../support/processes.ts';

afterAll(stopProcesses);

it('a job that its provider has forgotten is booked at its bound, as estimated, not as nothing', async () => {
  const simulators = await startSimulatorProcess();
  const { ATELIER_LOOKUP_URL: _, ...env } = simulators.env;
  const gateway = await startGatewayProcess(env);
  const answer = await fetch(`${gateway.url}/v1/generations`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.appKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'replicate/meta/musicgen', input: 'a song', seconds: 2, wait: 0 }),
  });
  expect(answer.status).toBe(202);
  const { id } = (await answer.json()) as Generation;
  while ((await readOne(gateway, id)).status === 'queued') await new Promise((done) => setTimeout(done, 5));
  await fetch(`${simulators.url}/_simulator/reset`, { method: 'POST' });

  const [generation] = await waitUntilSettled(gateway);
  expect(generation).toMatchObject({
    id,
    status: 'failed',
    error: { code: 'outcome_unknown', billing: 'unknown' },
    receipt: {
      status: 'priced_estimated',
      lines: [{ meter: 'gpu_seconds', quantity: '300', dims: { hardware: 'gpu-a100-large' } }],
    },
  });
  expect(Number(generation!.receipt!.total)).toBeGreaterThan(0);
});
