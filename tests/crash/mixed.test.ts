import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  mixedRequests,
  type Outcome,
  readLedger,
  readSpend,
  runMixed,
  waitUntilSettled,
} from '../support/mixed-load.ts';
import { pico } from '../support/money.ts';
import {
  type GatewayProcess,
  type SimulatorProcess,
  startGatewayProcess,
  startSimulatorProcess,
  stopProcesses,
} from '../support/processes.ts';

describe('200 mixed generations', () => {
  let simulators: SimulatorProcess;
  let gateway: GatewayProcess;
  let outcomes: Outcome[];

  beforeAll(async () => {
    simulators = await startSimulatorProcess();
    gateway = await startGatewayProcess(simulators.env);
    outcomes = await runMixed(gateway, mixedRequests(200, 'mixed'));
  }, 120_000);
  afterAll(stopProcesses);

  it('are all answered', () => {
    expect(outcomes.filter((outcome) => outcome.complaint).map((one) => [one.request.kind, one.complaint])).toEqual([]);
    expect(outcomes).toHaveLength(200);
  });

  it('cost what their receipts say: Σ receipts = spend = the simulators’ ledgers, call by call', async () => {
    const book = await waitUntilSettled(gateway);
    const ledger = await readLedger(simulators);
    expect(book).toHaveLength(200);
    expect(ledger.unpriced).toEqual([]);
    expect(book.filter((one) => one.receipt?.status !== 'priced').map((one) => [one.model, one.receipt])).toEqual([]);

    const held = new Map(book.map((one) => [one.id, one]));
    let receipts = 0n;
    const different: unknown[] = [];
    for (const { request, generation, receipt } of outcomes) {
      const kept = held.get(generation ?? '');
      // A job answered with 202 has its receipt only in the book.
      const total = pico(receipt?.total ?? (request.body.wait === 0 ? kept?.receipt?.total : undefined) ?? '0');
      const billed = ledger.byClient.get(kept?.attempts[0]?.id ?? '');
      if (total !== billed?.pico || billed.calls !== 1) different.push([request.kind, total, billed, kept?.receipt]);
      receipts += total;
    }
    expect(different).toEqual([]);
    const spend = await readSpend(gateway);
    expect(receipts).toBeGreaterThan(0n);
    expect({ spend: pico(spend.total_usd), receipts }).toEqual({ spend: ledger.total, receipts: ledger.total });
    expect(spend.rows.filter((row) => row.unpriced > 0)).toEqual([]);
  });
});
