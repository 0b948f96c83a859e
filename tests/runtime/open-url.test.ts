import { gzipSync } from 'node:zlib';
import type { Dispatcher } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UrlError } from '../../src/contract/index.ts';
import { dispatch } from '../../src/runtime/node/dispatch.ts';
import { openEgress } from '../../src/runtime/node/egress.ts';
import { openUrlOver } from '../../src/runtime/open-url.ts';
import { carryOver } from '../../src/runtime/wire.ts';
import { serveFilm } from './large-film.ts';
import { openPlaces, type Places, text } from './places.ts';

let places: Places;
beforeAll(async () => {
  places = await openPlaces();
});
afterAll(() => places.close());

const limit = 1_000_000;
/** The fault of opening and reading to the end. */
async function faultOf(options: Partial<Parameters<Places['openUrl']>[1]> = {}, path = '/'): Promise<string> {
  try {
    await text((await places.openUrl(places.url(path), { limit, ...options })).body);
  } catch (thrown) {
    if (thrown instanceof UrlError) return thrown.fault;
    throw thrown;
  }
  return 'read';
}

describe('an opened URL', () => {
  it('tells status, type and size, and streams its body', async () => {
    places.plan((request, response) => {
      expect(request.headers).toMatchObject({ 'accept-encoding': 'identity', 'user-agent': 'atelier' });
      response.writeHead(200, { 'content-type': 'Image/PNG; charset=x', 'content-length': 5 }).end('hello');
    });
    const opened = await places.openUrl(places.url('/'), { limit, mediaTypes: ['image/'] });
    expect(opened).toMatchObject({ status: 200, mediaType: 'image/png', size: 5 });
    expect(opened.headers['content-length']).toBe('5');
    expect(await text(opened.body)).toBe('hello');
  });

  it('hands on what is not 200 as it is', async () => {
    places.plan((_, response) => void response.writeHead(404, { 'content-type': 'text/html' }).end('gone'));
    const opened = await places.openUrl(places.url('/'), { limit, mediaTypes: ['image/'] });
    expect([opened.status, await text(opened.body)]).toEqual([404, 'gone']);
    places.plan((_, response) => void response.writeHead(204).end());
    const empty = await places.openUrl(places.url('/'), { limit });
    expect([empty.status, await text(empty.body)]).toEqual([204, '']);
  });

  it('takes a POST with headers and a body: a webhook', async () => {
    let heard: unknown;
    places.plan(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      heard = [request.method, request.headers['webhook-id'], request.headers['content-type'], body];
      response.writeHead(202).end('thanks');
    });
    const opened = await places.openUrl(places.url('/hook'), {
      limit,
      method: 'POST',
      headers: { 'webhook-id': 'msg_1', 'content-type': 'application/json' },
      body: '{"type":"generation.completed"}',
    });
    expect([opened.status, await text(opened.body)]).toEqual([202, 'thanks']);
    expect(heard).toEqual(['POST', 'msg_1', 'application/json', '{"type":"generation.completed"}']);
  });

  it('goes through a lent fetch alone, with every check but DNS', async () => {
    places.plan(() => {});
    const via = async (input: string | URL | Request) =>
      String(input).endsWith('/away')
        ? new Response(null, { status: 302, headers: { location: 'https://169.254.169.254/' } })
        : new Response(`simulated ${String(input)}`);
    const url = 'https://openai.simulator.invalid/files/1';
    expect(await text((await places.openUrl(url, { limit, via })).body)).toBe(`simulated ${url}`);
    for (const evil of ['https://127.0.0.1/', 'https://openai.simulator.invalid/away']) {
      await expect(places.openUrl(evil, { limit, via })).rejects.toMatchObject({ fault: 'refused' });
    }
    expect(places.seen.asked).toEqual([]);
  });
});

/** A connection whose socket, once paused, hands out the rest and the end within `resume`, as undici does with what it has read. */
function pausingAgent(chunk: Buffer): Dispatcher {
  return {
    dispatch: (_: unknown, handler: Required<Dispatcher.DispatchHandler>) => {
      const controller = {
        paused: false,
        pause: () => {
          controller.paused = true;
        },
        resume: () => {
          controller.paused = false;
          handler.onResponseData(controller as never, chunk);
          handler.onResponseEnd(controller as never, {});
        },
        abort: () => {},
      };
      handler.onRequestStart(controller as never, {});
      handler.onResponseStart(controller as never, 200, {});
      handler.onResponseData(controller as never, chunk);
      return true;
    },
  } as unknown as Dispatcher;
}

it('what arrives while a paused socket is woken is not waited for in vain', async () => {
  const chunk = Buffer.alloc(2_000_000);
  const request = { url: 'http://x.test/', headers: {}, body: '', headersTimeout: 1000, idleTimeout: 1000 };
  let size = 0;
  for await (const part of (await dispatch(pausingAgent(chunk), 'GET', request)).stream()) size += part.length;
  expect(size).toBe(4_000_000);
  const whole = await (await dispatch(pausingAgent(chunk), 'GET', request)).bytes(5_000_000);
  expect(whole.length).toBe(4_000_000);
});

it('a large body never stalls, however often its socket was paused', async () => {
  const film = await serveFilm(12_000_000);
  const allowedOrigins = [film.origin];
  const egress = openEgress();
  try {
    for (let time = 0; time < 12; time++) {
      const url = `${film.origin}/film.mp4`;
      const opened = await places.openUrl(url, { limit: 12_000_000, allowedOrigins });
      let size = 0;
      for await (const chunk of opened.body as unknown as AsyncIterable<Uint8Array>) {
        size += chunk.length;
        if (size % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      expect(size).toBe(12_000_000);
      const whole = await (await egress.fetch(url)).arrayBuffer();
      expect(whole.byteLength).toBe(12_000_000);
    }
  } finally {
    await egress.close();
    film.close();
  }
});

describe('size', () => {
  it('is refused by its announcement, before a byte is read', async () => {
    places.plan((_, response) => void response.writeHead(200, { 'content-length': limit + 1 }).write('x'));
    expect(await faultOf()).toBe('too_large');
  });

  it('is counted where it is not announced', async () => {
    let written = 0;
    places.plan((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) written += 65_536;
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    expect(await faultOf()).toBe('too_large');
    expect(written).toBeLessThan(20 * limit);
    expect(await faultOf({ limit: 0 })).toBe('too_large');
  });

  it('that was announced and does not come is a break', async () => {
    places.plan((_, response) => {
      response.writeHead(200, { 'content-length': 5000 }).write('only this');
      setTimeout(() => response.destroy(), 20);
    });
    expect(await faultOf()).toBe('interrupted');
  });

  it('cannot hide in a packed body', async () => {
    const bomb = gzipSync(Buffer.alloc(20_000_000));
    places.plan((_, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb));
    expect(await faultOf()).toBe('media_type');
    // A platform that unpacks by itself: what comes out is counted.
    const unpacking = carryOver(async () => {
      const body = new Blob([bomb]).stream().pipeThrough(new DecompressionStream('gzip'));
      return new Response(body, { headers: { 'content-encoding': 'gzip', 'content-length': String(bomb.length) } });
    });
    const openUrl = openUrlOver({ guarded: unpacking, trusted: unpacking, unpacks: true });
    const opened = await openUrl('https://files.example.com/', { limit });
    expect(opened.size).toBeUndefined();
    await expect(text(opened.body)).rejects.toMatchObject({ fault: 'too_large' });
  });
});

describe('time', () => {
  it('to the first byte', async () => {
    places.plan(() => {});
    const began = Date.now();
    expect(await faultOf({ headersTimeout: 100 })).toBe('timeout');
    expect(Date.now() - began).toBeLessThan(1_000);
  });

  it('to the first byte, redirects included', async () => {
    places.plan((_, response) => void setTimeout(() => response.writeHead(302, { location: '/' }).end(), 80));
    expect(await faultOf({ headersTimeout: 150 })).toBe('timeout');
  });

  it('for a name server that never answers', async () => {
    const openUrl = openUrlOver({ guarded: () => new Promise(() => {}), trusted: () => new Promise(() => {}) });
    await expect(openUrl('https://files.example.com/', { limit, headersTimeout: 50 })).rejects.toMatchObject({
      fault: 'timeout',
    });
  });

  it('between two chunks', async () => {
    places.plan((_, response) => void response.writeHead(200, { 'content-length': 10 }).write('half'));
    expect(await faultOf({ idleTimeout: 100 })).toBe('timeout');
  });

  it('for everything, however alive it looks', async () => {
    places.plan((_, response) => {
      const drip = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(drip));
    });
    const began = Date.now();
    expect(await faultOf({ totalTimeout: 300 })).toBe('timeout');
    expect(Date.now() - began).toBeLessThan(1_500);
  });

  it('ends when the caller says so, with the reason it gave', async () => {
    places.plan((_, response) => void response.writeHead(200).write('begun'));
    const leave = new AbortController();
    const opened = await places.openUrl(places.url('/'), { limit, signal: leave.signal });
    leave.abort(new Error('left'));
    await expect(text(opened.body)).rejects.toThrow('left');
    await expect(places.openUrl(places.url('/'), { limit, signal: leave.signal })).rejects.toThrow('left');
  });

  it('a body that is not wanted closes its connection', async () => {
    let closed: (() => void) | undefined;
    const over = new Promise<void>((resolve) => {
      closed = resolve;
    });
    places.plan((_, response) => {
      response.on('close', () => closed?.());
      response.writeHead(200).write('begun');
    });
    await (await places.openUrl(places.url('/'), { limit })).body.cancel();
    await over;
  });
});

describe('media types', () => {
  it.each(['text/html', 'application/json', 'text/plain', 'imagery/png'])(
    'that were not asked for are not read: %s',
    async (type) => {
      places.plan((_, response) => void response.writeHead(200, { 'content-type': type }).end('secret'));
      expect(await faultOf({ mediaTypes: ['image/', 'application/octet-stream'] })).toBe('media_type');
    },
  );

  it('pass where none is named', async () => {
    places.plan((_, response) => void response.end('bytes'));
    expect(await faultOf({ mediaTypes: ['image/'] })).toBe('read');
  });
});
