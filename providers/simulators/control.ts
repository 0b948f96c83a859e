import { VirtualClock } from './clock.ts';
import { faultList } from './faults/list.ts';
import type { FaultPlan } from './faults.ts';
import { journalRoutes } from './journal-routes.ts';
import type { Simulator } from './simulator.ts';
import { taskFaults } from './tasks.ts';

/** Calls that have not ended yet, by client request id. `ended` tells whether one did within `patience` milliseconds. */
export type CallsUnderWay = { ended(client: string, patience: number): Promise<boolean> };

/** Milliseconds that a question about a call waits for the call's end. */
const lookupPatience = 5_000;

/**
 * What a test may ask of running simulators, below `/_simulator`:
 * `GET /ledger` the vendors' own bills and their sum · `GET /calls/{client request id}` (optionally `?provider=`) what became of one call, once it is over: its charges,
 * 404 if it cost nothing, 409 if it is still under way ·
 * `GET /faults` all there are · `POST /faults {provider, fault, times?, model?, path?, method?, for_ms?}` plans one (when faults are allowed) ·
 * `POST /clock {advance}` moves a virtual clock · `/journal` and `/events`: see journal-routes.ts · `POST /reset` forgets everything.
 */
export async function control(
  simulators: ReadonlyMap<string, Simulator>,
  path: string,
  request: Request,
  underWay?: CallsUnderWay,
): Promise<Response> {
  const url = new URL(request.url);
  if (path === '/ledger' && request.method === 'GET') {
    const statements = [...simulators.values()]
      .map((simulator) => simulator.bill.statement())
      .filter((one) => one.calls.length > 0);
    const total = statements.reduce((sum, one) => sum + BigInt(one.total_pico), 0n);
    return Response.json({ total_pico: total.toString(), providers: statements });
  }
  if (path.startsWith('/calls/') && request.method === 'GET') {
    const id = decodeURIComponent(path.slice('/calls/'.length));
    const wanted = url.searchParams.get('provider');
    if (underWay && !(await underWay.ended(id, lookupPatience))) {
      return Response.json({ error: 'This call is still under way.' }, { status: 409 });
    }
    for (const simulator of simulators.values()) {
      if (wanted && simulator.id !== wanted) continue;
      const billed = simulator.bill.calls.filter((call) => call.client === id && call.charges.length > 0);
      const charges = billed.flatMap((call) => call.charges);
      if (charges.length > 0) return Response.json({ provider: simulator.id, ...billed[0], charges });
    }
    return Response.json({ error: 'No such call was billed.' }, { status: 404 });
  }
  if (path === '/faults' && request.method === 'GET') {
    return Response.json({ faults: faultList, jobs: taskFaults });
  }
  if (path === '/clock' && request.method === 'POST') return advance(simulators, request);
  const [first] = simulators.values();
  const told = first && journalRoutes(first.journal, path, request);
  if (told) return told;
  if (path === '/faults' && request.method === 'POST') return planFault(simulators, request);
  if (path === '/reset' && request.method === 'POST') {
    for (const simulator of simulators.values()) simulator.reset();
    return Response.json({ reset: true });
  }
  return Response.json({ error: 'Not a control route.' }, { status: 404 });
}

async function planFault(simulators: ReadonlyMap<string, Simulator>, request: Request): Promise<Response> {
  const plan = (await request.json().catch(() => undefined)) as
    | (FaultPlan & { provider?: string; fault?: string; for_ms?: number })
    | undefined;
  const simulator = simulators.get(plan?.provider ?? '');
  if (!plan?.fault || !simulator) return Response.json({ error: 'provider and fault are required.' }, { status: 400 });
  if (!simulator.faults.enabled)
    return Response.json({ error: 'Faults are off: set ATELIER_FAULTS=on.' }, { status: 403 });
  const { times, model, path, method, for_ms: forMs } = plan;
  try {
    simulator.faults.plan(plan.fault, { times, model, path, method, forMs });
  } catch (thrown) {
    return Response.json({ error: (thrown as Error).message }, { status: 400 });
  }
  return Response.json({ planned: plan });
}

async function advance(simulators: ReadonlyMap<string, Simulator>, request: Request): Promise<Response> {
  const asked = (await request.json().catch(() => undefined)) as { advance?: unknown } | undefined;
  const ms = asked?.advance;
  if (typeof ms !== 'number' || !(ms >= 0)) {
    return Response.json({ error: 'advance is a number of milliseconds.' }, { status: 400 });
  }
  const clocks = new Set([...simulators.values()].map((simulator) => simulator.clock));
  for (const clock of clocks) {
    if (!(clock instanceof VirtualClock)) {
      return Response.json({ error: 'The clock is the real one.' }, { status: 409 });
    }
    await clock.advance(ms);
  }
  return Response.json({ advanced: ms });
}
