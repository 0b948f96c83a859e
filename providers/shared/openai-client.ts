import type OpenAI from 'openai';
import type { Call, GatewayError, Operation } from '../../src/contract/index.ts';
import { noTimeout, type Observer, observe } from './observe.ts';

/**
 * Runs one call of the official SDK: constructed per call, never retrying, reading nothing from the environment.
 * Whatever it throws becomes the one GatewayError of this call.
 */
export async function withOpenai(
  call: Call,
  provider: string,
  work: (client: OpenAI, options: { signal: AbortSignal }, observer: Observer) => Promise<Operation>,
): Promise<Operation> {
  const observer = observe(call);
  try {
    const { default: Client } = await import('openai');
    const client = new Client({
      apiKey: call.key || 'none',
      adminAPIKey: null,
      organization: null,
      project: null,
      webhookSecret: null,
      baseURL: call.baseUrl,
      fetch: observer.fetch,
      maxRetries: 0,
      timeout: noTimeout,
      logLevel: 'off',
      ...(call.key ? {} : { defaultHeaders: { authorization: null } }),
    });
    return await work(client, { signal: call.signal }, observer);
  } catch (thrown) {
    throw observer.errorOf(provider, thrown) satisfies GatewayError;
  }
}
