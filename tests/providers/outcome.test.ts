import { describe, expect, test } from 'vitest';
import { shipped } from '../../config/files.ts';
import { loadConfig } from '../../config/load.ts';
import { createProvider } from '../../providers/index.ts';
import { asFree, refuseAborted } from '../../providers/shared/outcome.ts';
import { GatewayError, type MediaRequest, type Operation } from '../../src/contract/index.ts';
import { callOf, recorder } from './call.ts';

const { providers } = await loadConfig(shipped);
const image: MediaRequest = { modality: 'image', prompt: 'x' };

/** One adapter for each way in which requests are sent. */
const senders: [string, string, MediaRequest][] = [
  ['fal', 'a/b', image],
  ['bfl', 'flux-2-pro', image],
  ['luma', 'photon-1', image],
  ['replicate', 'a/b', image],
  ['elevenlabs', 'eleven_v3', { modality: 'speech', text: 'x' }],
  ['meshy', 'meshy-6', { modality: 'model3d', prompt: 'x' }],
];

type Port = { submit(request: MediaRequest, call: ReturnType<typeof callOf>): Promise<Operation> };

async function submitAborted([id, model, request]: (typeof senders)[number], reason: unknown) {
  const row = providers.find((one) => one.id === id)!;
  const { fetch, seen } = recorder(() => Response.json({}));
  const port = createProvider(row).media?.[request.modality] as unknown as Port;
  const call = callOf(fetch, { model, baseUrl: row.baseUrl, signal: AbortSignal.abort(reason) });
  const error: unknown = await port.submit(request, call).catch((thrown: unknown) => thrown);
  expect(seen).toHaveLength(0);
  return error as GatewayError;
}

describe.each(senders)('%s, aborted before anything was sent', (...sender) => {
  const [id] = sender;
  const unsent = { provider: id, failure: 'A', billing: 'none' };

  test('was canceled', async () => {
    expect(await submitAborted(sender, undefined)).toMatchObject({ code: 'request_canceled', details: unsent });
  });
  test('was too late where the time ran out', async () => {
    const error = await submitAborted(sender, new DOMException('late', 'TimeoutError'));
    expect(error).toMatchObject({ code: 'provider_timeout', details: unsent });
  });
  test('says what the gateway says', async () => {
    const reason = new GatewayError('shutting_down', 'bye');
    expect(await submitAborted(sender, reason)).toBe(reason);
  });
});

test('a call that goes on is not refused', () => {
  expect(() => refuseAborted('acme', new AbortController().signal)).not.toThrow();
});

test('a lost answer to what costs nothing may be asked for again; any other error stays as it is', () => {
  const details = { message: 'broke', provider: 'acme', failure: 'C', billing: 'unknown' } as const;
  const free = asFree(new GatewayError('outcome_unknown', details));
  expect(free).toMatchObject({ code: 'provider_unavailable', message: 'broke', details });
  const late = new GatewayError('provider_timeout', details);
  expect(asFree(late)).toBe(late);
});
