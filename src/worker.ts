import type { Hono } from 'hono';
import { shipped } from '../config/files.ts';
import { loadShipped } from '../config/load.ts';
import { assemble, type Env, type Runtime } from './assemble.ts';
import type { BookClient, Books } from './books/index.ts';
import { GatewayError } from './contract/index.ts';
import { readKey } from './gateway/credential.ts';
import { errorAnswer } from './http/answer.ts';
import { longestCall, workThrough } from './jobs/work.ts';
import { type Bucket, bucketAssets } from './runtime/workers/assets.ts';
import { type BookNamespace, durableBooks } from './runtime/workers/books.ts';
import { platformEgress } from './runtime/workers/egress.ts';
import { lifetimeOf } from './runtime/workers/lifetime.ts';
import { openUrl } from './runtime/workers/open-url.ts';
import { TenantBook as StoredBook } from './runtime/workers/tenant-book.ts';
import { alarms } from './runtime/workers/wake.ts';

type Bindings = { BOOKS: BookNamespace; ASSETS: Bucket };

/** The tenant of a deployment whose admin key names none. */
const firstTenant = 'main';

let assembled: ReturnType<typeof build> | undefined;
/** The Worker sends jobs, the tenant's object asks about them: in demo mode both speak to the same simulators. */
const simulators: Runtime['simulators'] = {};

/** The house is put together once per isolate; bindings and secrets do not change while it lives. */
async function build(bindings: Bindings, ownBooks?: Books) {
  const env = bindings as unknown as Env;
  // What goes into a secret through a pipe has a newline at its end.
  const adminKey = env.ATELIER_ADMIN_KEY?.trim() || undefined;
  if (adminKey !== undefined && adminKey.length < 16)
    throw new Error('ATELIER_ADMIN_KEY must have at least 16 characters.');
  const adminTenant = readKey(adminKey ?? '')?.tenant ?? firstTenant;
  const books = ownBooks ?? durableBooks(bindings.BOOKS, adminTenant);
  return loadShipped(shipped).then((config) =>
    assemble(config, {
      env,
      books,
      wake: alarms,
      simulators,
      assets: bucketAssets(bindings.ASSETS),
      clock: { now: Date.now },
      egress: platformEgress,
      openUrl,
      lifetimeOf,
      adminKey,
      adminTenant,
      // The bundler leaves it packed until the call; an import() would make every price a promise.
      basePrices: () => require('@pydantic/genai-prices'),
    }),
  );
}

/** A tenant's book, with what its alarm does: jobs are asked about and webhooks sent inside the object. */
export class TenantBook extends StoredBook {
  private house: ReturnType<typeof build> | undefined;
  protected readonly patience = longestCall;

  protected async work(tenant: string, book: BookClient): Promise<void> {
    this.house ??= build(this.env as Bindings, { of: () => book });
    const { gateway } = await this.house.catch((thrown: unknown) => {
      this.house = undefined;
      throw thrown;
    });
    await workThrough(gateway, tenant);
  }
}

export default {
  fetch: async (request: Request, bindings: Bindings, context: Parameters<Hono['fetch']>[2]): Promise<Response> => {
    assembled ??= build(bindings);
    try {
      const { app } = await assembled;
      return await app.fetch(request, bindings, context);
    } catch (thrown) {
      // Only a house that could not be put together gets here: what is wrong with it is for the operator's log.
      assembled = undefined;
      console.error('the gateway could not start', thrown);
      return errorAnswer(
        new GatewayError('internal_error', 'The gateway is not configured: its log says what is wrong.'),
      );
    }
  },
};
