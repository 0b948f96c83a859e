import type {
  Call,
  JsonObject,
  MediaPort,
  MediaRequestOf,
  Observed,
  Operation,
  Provider,
  ProviderRow,
  Usage,
} from '../src/contract/index.ts';
import { asGatewayError, GatewayError } from '../src/contract/index.ts';
import { Tokens } from './http/credential.ts';
import { exchange, type Upstream } from './http/exchange.ts';
import { type Ref, readOperation, readRef, writeRef } from './http/operation.ts';
import { countOutputs } from './http/outputs.ts';
import { type HttpRequest, lookupOf } from './http/places.ts';
import { checkLimits, chooseWay, honoured, leftOut, requestPlaces } from './http/request.ts';
import type { HttpModality, HttpRow, HttpWay } from './http/row.ts';
import { usageOf } from './http/usage.ts';

/**
 * Any generator by configuration: the row's `http` object says what to send, where answers hold their state, outputs, progress,
 * usage and errors. See `HttpRow`; rows are checked at start by config/http-row.ts.
 */
export function http(row: ProviderRow): Provider {
  if (!row.http) throw new RangeError(`${row.id}: a row with the adapter "http" needs an "http" object.`);
  const upstream: Upstream = {
    id: row.id,
    row: row.http as unknown as HttpRow,
    baseUrl: row.baseUrl,
    tokens: new Tokens(),
  };
  const media: Record<string, unknown> = {};
  for (const [modality, described] of Object.entries(upstream.row.media)) {
    media[modality] = portOf(upstream, modality as HttpModality, [described].flat());
  }
  return {
    id: row.id,
    media: media as Provider['media'],
    readUsage: (observed) => readUsage(upstream.row, observed),
  };
}

function portOf<M extends HttpModality>(upstream: Upstream, modality: M, ways: HttpWay[]): MediaPort<M> {
  const ask = async (call: Call, way: HttpWay, ref: Ref) => {
    const answer = await exchange(upstream, call, way.poll ?? { path: '/' }, lookupOfRef(ref, call), 'poll');
    return readOperation(upstream, call, way, answer, ref, ref.warnings);
  };
  const port: MediaPort<M> = {
    async submit(request: MediaRequestOf<M>, call) {
      const asked = request as HttpRequest;
      const way = chooseWay(upstream.id, ways, asked);
      checkLimits(upstream.id, way, asked);
      const places = requestPlaces(way);
      const warnings = leftOut(upstream.id, ways, way, asked);
      const lookup = await lookupOf(asked, call, way, places);
      const raw = way.submit.answers === 'bytes';
      const answer = await exchange(upstream, call, way.submit, lookup, 'submit', raw);
      const ref = way.poll ? writeRef(upstream, call, way, answer.body, warnings) : undefined;
      return readOperation(upstream, call, way, answer, ref, warnings);
    },
    honours: () => honoured(modality, ways) as unknown as ReturnType<NonNullable<MediaPort<M>['honours']>>,
  };
  if (!ways.some(({ poll }) => poll)) return port;
  port.poll = async (kept, call) => {
    const { way, ref } = readRef(upstream, call, ways, kept);
    return ask(call, way, ref);
  };
  if (!ways.some(({ cancel }) => cancel)) return port;
  port.cancel = async (kept, call): Promise<Operation> => {
    const { way, ref } = readRef(upstream, call, ways, kept);
    if (!way.cancel) return ask(call, way, ref);
    for (const one of [way.cancel].flat()) {
      // A vendor that refuses has a reason: the job has ended, or was never there. What it says then counts.
      await exchange(upstream, call, one, lookupOfRef(ref, call), 'cancel').catch((thrown) => {
        const error = asGatewayError(thrown);
        if (error.code !== 'provider_rejected' && error.code !== 'model_not_found') throw error;
      });
    }
    return afterCancel(upstream, call, way, ref);
  };
  return port;
}

/** What became of a job after it was told to stop: one that has vanished, says nothing or broke off is canceled, one that was done is not. */
async function afterCancel(upstream: Upstream, call: Call, way: HttpWay, ref: Ref): Promise<Operation> {
  const error = new GatewayError('request_canceled', {
    message: `The job of ${upstream.id} was canceled.`,
    provider: upstream.id,
    billing: 'unknown',
  });
  const canceled: Operation = { status: 'canceled', error, ref: ref as never };
  try {
    const answer = await exchange(upstream, call, way.poll ?? { path: '/' }, lookupOfRef(ref, call), 'poll');
    const operation = await readOperation(upstream, call, way, answer, ref, ref.warnings);
    const silent = way.status?.absent !== undefined && operation.status === way.status.absent;
    const stopped = operation.status === 'failed' && operation.error.code === 'provider_error';
    if (stopped && operation.usage) return { ...canceled, usage: operation.usage };
    return silent || stopped ? canceled : operation;
  } catch (thrown) {
    const gone = thrown instanceof GatewayError && (thrown.status === 404 || thrown.code === 'model_not_found');
    if (gone) return canceled;
    throw thrown;
  }
}

function lookupOfRef(ref: Ref, call: Pick<Call, 'model' | 'options'>) {
  return (name: string) => {
    const [scope, key = ''] = name.split('.');
    if (scope === 'ref') return ref.ids[key];
    return scope === 'options' ? call.options[key] : name === 'model' ? call.model : undefined;
  };
}

/** Usage of an answer as it came, by the first way of the modality that finds any in it. */
function readUsage(row: HttpRow, { modality, response, usage }: Observed): Usage | undefined {
  const described = row.media[modality as HttpModality];
  const answer = (response ?? usage) as JsonObject | undefined;
  if (!described || answer === undefined) return undefined;
  for (const way of [described].flat()) {
    const delivered = countOutputs(way, answer) || undefined;
    const found = usageOf(way, answer, delivered);
    if (found && (found.metered.length > 0 || found.reportedCostUsd !== undefined)) return found;
  }
  return undefined;
}
