import type { Context } from 'hono';
import type { BookClient, MixQuery } from '../books/index.ts';
import type { Model, Price } from '../contract/index.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { type Forecast, forecast } from '../meter/forecast.ts';
import type { RateLimit } from '../meter/forecast-ceilings.ts';
import { monthHours } from '../meter/forecast-machines.ts';
import type { MixRow, MixSteps } from '../meter/forecast-mix.ts';
import type { Workload } from '../meter/forecast-workload.ts';
import { errorAnswer, jsonAnswer } from './answer.ts';
import { readJson } from './body.ts';
import { type ForecastRequest, machinesOf, readForecast } from './forecast-request.ts';
import { declaredWork, ledgerWork } from './forecast-works.ts';
import type { Doors } from './generations.ts';
import { badField } from './refuse.ts';

const monthMs = monthHours * 3_600_000;

/**
 * `POST /v1/forecast`: what a month's mix costs at multiples of its volume, what would do the same for less, which limits it meets, and
 * from which volume machines of one's own pay. The mix is declared, or read from the ledger: a key sees its own, with the `spend` scope
 * the tenant's, as the operator does. Nothing is called or booked.
 */
export function forecastDoor({ gateway, authenticator }: Doors, prices: readonly Price[]) {
  const steps = stepsOf(prices);
  return async function answerForecast(c: Context): Promise<Response> {
    try {
      const { caller, tenant } = await authenticator.callerOrAdmin(c);
      const asked = readForecast((await readJson(c)).body);
      const at = asked.at ?? gateway.clock.now();
      const { profile } = asked;
      let works: Workload[];
      let ledger: LedgerBasis | undefined;
      if (profile) works = profile.map((entry, place) => declaredWork(gateway, entry, `profile.${place}`));
      else {
        const book = caller?.book ?? gateway.books.of(tenant);
        const keyId = caller && !caller.scopes.includes('spend') ? caller.keyId : undefined;
        const { from, to, simulated } = periodOf(asked, gateway.clock.now());
        const rows = await mixOf(book, { from, to, simulated, steps, ...(keyId === undefined ? {} : { keyId }) });
        const scale = { top: BigInt(monthMs), bottom: BigInt(to - from) };
        works = rows.map((row) => ledgerWork(gateway, row, scale));
        ledger = basisOf(rows, from, to, simulated);
      }
      const answer = forecast({
        catalogue: gateway.catalogue,
        at,
        works,
        multiples: asked.multiples,
        candidates: offered(gateway, at),
        ...(asked.self_hosted ? { selfHosted: machinesOf(asked.self_hosted, (name) => idOf(gateway, name)) } : {}),
        ...(asked.rate_limits ? { rateLimits: namedLimits(gateway, asked.rate_limits) } : {}),
        peak: asked.peak_to_average,
      });
      return jsonAnswer(c, written(answer, ledger));
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

/** Asked for a little at a time: between two steps everybody else has a turn. */
async function mixOf(book: BookClient, query: MixQuery): Promise<MixRow[]> {
  const token = crypto.randomUUID();
  for (;;) {
    const step = await book.mixStep(token, query);
    if (step.state === 'done') return step.rows;
  }
}

type LedgerBasis = {
  from: string;
  to: string;
  months: number;
  simulated: string;
  generations: number;
  attempts: number;
  first_at: string | null;
};

function written(answer: Forecast, ledger: LedgerBasis | undefined) {
  const { currency, ...rest } = answer;
  return { object: 'forecast', currency, basis: ledger ? 'ledger' : 'profile', ...(ledger ? { ledger } : {}), ...rest };
}

function basisOf(rows: readonly MixRow[], from: number, to: number, simulated: string): LedgerBasis {
  const sum = (count: (row: MixRow) => number) => rows.reduce((total, row) => total + count(row), 0);
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    months: Math.round(((to - from) / monthMs) * 1e6) / 1e6,
    simulated,
    generations: sum((row) => row.generations),
    attempts: sum((row) => row.attempts),
    first_at: rows.length > 0 ? new Date(Math.min(...rows.map((row) => row.firstAt))).toISOString() : null,
  };
}

/** The month up to now, where nothing else is asked for: then no figure is scaled. */
function periodOf(asked: ForecastRequest, now: number) {
  const { from, to = now + 1, simulated = 'exclude' } = asked.from_ledger ?? {};
  const begin = from ?? to - monthMs;
  if (!(begin < to)) throw badField('from_ledger.from', 'must be before from_ledger.to.');
  const choice = typeof simulated === 'string' ? simulated : simulated ? ('include' as const) : ('exclude' as const);
  return { from: Math.floor(begin), to: Math.floor(to), simulated: choice };
}

function stepsOf(prices: readonly Price[]): MixSteps {
  const ascending = (values: (number | undefined)[]) =>
    [...new Set(values.filter((value) => value !== undefined))].sort((one, other) => one - other);
  return {
    tokens: ascending(prices.map((price) => price.contextOver)),
    quantities: ascending(
      prices.map((price) => (price.minQuantity === undefined ? undefined : Number(price.minQuantity))),
    ),
  };
}

/** Models that can be asked now and still can on the forecast's day. */
function offered({ directory, upstreams }: Gateway, at: number): Model[] {
  const day = new Date(at).toISOString().slice(0, 10);
  return directory.list().filter((model) => {
    return upstreams.has(model.provider) && !(model.shutdownDate !== undefined && model.shutdownDate <= day);
  });
}

const idOf = ({ directory }: Gateway, name: string) => directory.find(name)?.id ?? name;

function namedLimits(gateway: Gateway, limits: Readonly<Record<string, RateLimit>>): Record<string, RateLimit> {
  return Object.fromEntries(Object.entries(limits).map(([name, limit]) => [idOf(gateway, name), limit]));
}
