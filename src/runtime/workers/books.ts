import type { BookClient, Books } from '../../books/index.ts';
import { GatewayError } from '../../contract/index.ts';

/** The part of a Durable Object namespace that books need. */
export type BookNamespace = {
  idFromName(name: string): unknown;
  get(id: unknown): { call(tenant: string, method: string, values: unknown[]): Promise<unknown> };
};

/** Every tenant's book behind a Durable Object namespace. A call that cannot reach it fails closed. */
export function durableBooks(namespace: BookNamespace): Books {
  return {
    of: (tenant) =>
      new Proxy({} as BookClient, {
        get:
          (_, method: string) =>
          async (...values: unknown[]) => {
            try {
              return await namespace.get(namespace.idFromName(tenant)).call(tenant, method, values);
            } catch (thrown) {
              throw new GatewayError('store_unavailable', {
                message: 'The ledger cannot be written now.',
                cause: thrown,
              });
            }
          },
      }),
  };
}
