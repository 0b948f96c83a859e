import type { Simulator } from './simulator.ts';

/**
 * What a test may ask of running simulators, below `/_simulator`:
 * `GET /ledger` the vendors' own bills and their sum · `GET /calls/{client request id}` (optionally `?provider=`) what one call was billed, 404 if nothing ·
 * `POST /faults {provider, fault, times?, model?}` plans a fault (when faults are allowed) · `POST /reset` forgets everything.
 */
export async function control(
  simulators: ReadonlyMap<string, Simulator>,
  path: string,
  request: Request,
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
    for (const simulator of simulators.values()) {
      if (wanted && simulator.id !== wanted) continue;
      const call = simulator.bill.find(id);
      if (call && call.charges.length > 0) return Response.json({ provider: simulator.id, ...call });
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
