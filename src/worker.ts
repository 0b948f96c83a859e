import type { Hono } from 'hono';
import { shipped } from '../config/files.ts';
import { loadShipped } from '../config/load.ts';
import { assemble, type Env } from './assemble.ts';
import { readKey } from './gateway/credential.ts';
import { type Bucket, bucketAssets } from './runtime/workers/assets.ts';
import { type BookNamespace, durableBooks } from './runtime/workers/books.ts';
import { platformEgress } from './runtime/workers/egress.ts';
import { lifetimeOf } from './runtime/workers/lifetime.ts';
import { fetchPublic } from './runtime/workers/public-fetch.ts';

export { TenantBook } from './runtime/workers/tenant-book.ts';

type Bindings = { BOOKS: BookNamespace; ASSETS: Bucket };

/** The tenant of a deployment whose admin key names none. */
const firstTenant = 'main';

let assembled: ReturnType<typeof build> | undefined;

/** The house is put together once per isolate; bindings and secrets do not change while it lives. */
function build(bindings: Bindings) {
  const env = bindings as unknown as Env;
  return loadShipped(shipped).then((config) =>
    assemble(config, {
      env,
      books: durableBooks(bindings.BOOKS),
      assets: bucketAssets(bindings.ASSETS),
      clock: { now: Date.now },
      egress: platformEgress,
      fetchPublic,
      lifetimeOf,
      adminKey: env.ATELIER_ADMIN_KEY,
      adminTenant: readKey(env.ATELIER_ADMIN_KEY ?? '')?.tenant ?? firstTenant,
    }),
  );
}

export default {
  fetch: async (request: Request, bindings: Bindings, context: Parameters<Hono['fetch']>[2]): Promise<Response> => {
    assembled ??= build(bindings);
    const { app } = await assembled;
    return app.fetch(request, bindings, context);
  },
};
