import type { BookClient, Books } from '../../books/index.ts';
import { GatewayError } from '../../contract/index.ts';
import { storeError } from '../store-error.ts';

/** What a tenant's object answers: one value, or none at all where the tenant has no book. */
export type Told = [value: unknown] | [];

/** The part of a Durable Object namespace that books need. */
export type BookNamespace = {
  idFromName(name: string): unknown;
  get(id: unknown): {
    call(tenant: string, method: string, values: unknown[], founds: boolean): Promise<unknown>;
  };
};

/** Methods that may be called twice where the first answer was lost: reads, and what is written once however often it is said. */
const repeatable = new Set<keyof BookClient>([
  ...(['authorize', 'setting', 'asset', 'generation', 'statusOf', 'listGenerations', 'response'] as const),
  ...(['listKeys', 'listBudgets', 'listDeliveries', 'deadLetters', 'agedAssets', 'agedRequests'] as const),
  ...(['settle', 'conclude', 'submitted', 'lookAgain', 'removeAsset', 'saveResponse'] as const),
  ...(['answerRequest', 'delivered', 'nudge', 'cancelJob'] as const),
]);
/** Milliseconds before the next try: an object that moves, or gets new code, is back within a second. */
const pauses = [50, 250, 1_000];

/**
 * Every tenant's book behind a Durable Object namespace. A call that cannot reach it fails closed.
 * @param founder the operator's own tenant, whose book is made when it is first asked for. No other book is: who only guesses tenants
 * must not be able to fill a namespace.
 */
export function durableBooks(namespace: BookNamespace, founder: string): Books {
  const ask = async (tenant: string, method: string, values: unknown[]): Promise<unknown> => {
    for (let tries = 0; ; tries++) {
      try {
        // A stub that has failed once goes on failing: a new one for each call.
        return await namespace.get(namespace.idFromName(tenant)).call(tenant, method, values, tenant === founder);
      } catch (thrown) {
        const pause = pauses[tries];
        if (pause === undefined || !isPassing(thrown) || !repeatable.has(method as keyof BookClient)) {
          throw storeError(thrown);
        }
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  };
  return {
    of: (tenant) =>
      new Proxy({} as BookClient, {
        get:
          (_, method: string) =>
          async (...values: unknown[]) => {
            const told = (await ask(tenant, method, values)) as Told;
            if (told.length === 0) throw new GatewayError('invalid_api_key', 'The API key is not valid.');
            return told[0];
          },
      }),
  };
}

/** Whether the platform says that the same call may work in a moment. What is overloaded is not asked more. */
function isPassing(thrown: unknown): boolean {
  const { retryable, overloaded } = (thrown ?? {}) as { retryable?: unknown; overloaded?: unknown };
  return retryable === true && overloaded !== true;
}
