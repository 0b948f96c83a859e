import type { Simulator } from './simulator.ts';

/** Calls that have not ended yet, by client request id. `ended` tells whether one did within `patience` milliseconds. */
export type CallsUnderWay = { ended(client: string, patience: number): Promise<boolean> };

/** Milliseconds that a question about a call waits for the call's end. */
const lookupPatience = 5_000;

/**
 * What a test may ask of running simulators, below `/_simulator`:
 * `GET /ledger` the vendors' own bills and their sum · `GET /calls/{client request id}` (optionally `?provider=`) what became of one call, once it is over: its charges,
 * 404 if it cost nothing, 409 if it is still under way ·
 * `POST /faults {provider, fault, times?, model?}` plans a fault (when faults are allowed) · `POST /reset` forgets everything.
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
  if (path === '/faults' && request.method === 'POST') return planFault(simulators, request);
  if (path === '/reset' && request.method === 'POST') {
    for (const simulator of simulators.values()) simulator.reset();
    return Response.json({ reset: true });
  }
  return Response.json({ error: 'Not a control route.' }, { status: 404 });
}

async function planFault(simulators: ReadonlyMap<string, Simulator>, request: Request): Promise<Response> {
  const plan = (await request.json().catch(() => undefined)) as
    | { provider?: string; fault?: string; times?: number; model?: string }
    | undefined;
  const simulator = simulators.get(plan?.provider ?? '');
  if (!plan?.fault || !simulator) return Response.json({ error: 'provider and fault are required.' }, { status: 400 });
  if (!simulator.faults.enabled)
    return Response.json({ error: 'Faults are off: set ATELIER_FAULTS=on.' }, { status: 403 });
  simulator.faults.push(plan.fault, plan.times ?? 1, plan.model);
  return Response.json({ planned: plan });
}
