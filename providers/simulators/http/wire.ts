import { isObject, type JsonObject } from '../../../src/contract/index.ts';
import { loopback, parse } from '../requests.ts';
import { serve } from '../serve.ts';
import { type SimulatorContext, type SimulatorHandler, stableHex, uuidOf } from '../simulator.ts';

/** What a route gets: its `:names` of the path, the body (an empty object where it is no JSON object), and where files are served. */
export type Asked = {
  request: Request;
  url: URL;
  names: Record<string, string>;
  body: JsonObject;
  /** The raw text of the body. */
  text: string;
  /** This API as the caller reaches it. */
  api: string;
  /** Where the files of this simulator are. */
  files: string;
  client: string | undefined;
};

export type Route = [method: string, path: string, handle: (asked: Asked) => Response | Promise<Response>];

export type Vendor = {
  /** The vendor's refusal of a caller without a key; undefined where it lets him in. */
  refuse?(request: Request, url: URL): Response | undefined;
  writeError(status: number, message: string): Response;
  reset?(): void;
};

/** Routes by method and the end of the path, so that a simulator answers under any prefix. */
export function vendorHandler(
  context: SimulatorContext,
  vendor: Vendor,
  files: Files,
  routes: Route[],
): SimulatorHandler {
  const compiled = routes.map(([method, path, handle]) => ({
    method,
    handle,
    pattern: new RegExp(`^(.*?)${path.replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')}$`),
  }));
  return {
    handle: async (request) => {
      const url = new URL(request.url);
      const served = files.answer(request, url);
      if (served) return served;
      const refused = vendor.refuse?.(request, url);
      if (refused) return refused;
      const route = compiled.find(({ method, pattern }) => method === request.method && pattern.test(url.pathname));
      const found = route?.pattern.exec(url.pathname);
      if (!route || !found) return vendor.writeError(404, 'Not Found');
      const text = await request.text();
      const body = parse(text);
      const api = `${url.origin}${found[1] ?? ''}`;
      return route.handle({
        request,
        url,
        names: Object.fromEntries(
          Object.entries(found.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]),
        ),
        body: isObject(body) ? body : {},
        text,
        api,
        files: loopback(request) ? api : context.publicUrl,
        client: request.headers.get('x-client-request-id') ?? undefined,
      });
    },
    writeError: vendor.writeError,
    reset: () => {
      files.clear();
      vendor.reset?.();
    },
  };
}

type Made = { mediaType: string; make(): Uint8Array };

/** The outputs of a simulator, made when fetched. */
export class Files {
  private readonly files = new Map<string, Made>();

  /** @returns the path of the file. */
  add(name: string, mediaType: string, make: () => Uint8Array): string {
    const path = `/files/${name}`;
    this.files.set(path, { mediaType, make });
    return path;
  }

  find(name: string): Made | undefined {
    return this.files.get(`/files/${name}`);
  }

  answer(request: Request, url: URL): Response | undefined {
    const path = /\/files\/[\w.-]+$/.exec(url.pathname)?.[0];
    if (path === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) return undefined;
    const file = this.files.get(path);
    return file ? serve(request, file.make(), file.mediaType) : new Response('Not found', { status: 404 });
  }

  clear(): void {
    this.files.clear();
  }
}

/** Ids in the form of a UUID, another for each request, the same on each run. */
export class Ids {
  private count = 0;
  private readonly context: SimulatorContext;

  constructor(context: SimulatorContext) {
    this.context = context;
  }

  next(): string {
    return uuidOf(stableHex(`${this.context.seed}|${this.context.id}|${this.count++}`));
  }

  clear(): void {
    this.count = 0;
  }
}

export function hasBearer(request: Request): boolean {
  return /^Bearer \S+$/.test(request.headers.get('authorization') ?? '');
}

export function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
}
