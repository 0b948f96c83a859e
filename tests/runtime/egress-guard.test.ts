import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { checkUrl, UrlError } from '../../src/contract/index.ts';
import { openUrl as openUrlOnWorkers } from '../../src/runtime/workers/open-url.ts';
import { hostileUrls } from './hostile.ts';
import { openPlaces, type Places, privateAddress, publicAddress, text } from './places.ts';

const limit = 1_000_000;
let places: Places;
beforeAll(async () => {
  places = await openPlaces();
});
afterAll(() => places.close());

/** The fault of a URL that must not open. */
async function faultOf(work: Promise<{ body: ReadableStream }>): Promise<string> {
  try {
    const opened = await work;
    await opened.body.cancel();
  } catch (thrown) {
    if (thrown instanceof UrlError) return thrown.fault;
    throw thrown;
  }
  return 'opened';
}

describe('a hostile URL', () => {
  it.each(hostileUrls)('is refused before anything is looked up: %s (%s)', async (_, url) => {
    places.plan((__, response) => void response.end('secret'));
    const fetched = vi.spyOn(globalThis, 'fetch').mockRejectedValue(new Error('went out'));
    for (const openUrl of [places.openUrl, openUrlOnWorkers]) {
      expect(await faultOf(openUrl(url, { limit }))).toBe('refused');
      expect(await faultOf(openUrl(url, { limit, method: 'POST', body: '{}' })), 'a webhook').toBe('refused');
    }
    expect(() => checkUrl(url), 'when it is given').toThrow(UrlError);
    expect(fetched).not.toHaveBeenCalled();
    expect(places.seen).toEqual({ public: [], private: [], asked: [] });
    fetched.mockRestore();
  });

  it('does not become one by the port or by an origin that only looks allowed', async () => {
    const allowedOrigins = ['http://127.0.0.1:9000'];
    for (const url of ['http://127.0.0.1:9001/', 'https://127.0.0.1:9000/', 'http://localhost:9000/']) {
      expect(await faultOf(places.openUrl(url, { limit, allowedOrigins })), url).toBe('refused');
    }
    expect(checkUrl('http://127.0.0.1:9000/x', allowedOrigins).pathname).toBe('/x');
  });
});

describe('a name', () => {
  it('is looked up once for a connection, and the answer that was checked is where it goes', async () => {
    places.plan((_, response) => void response.setHeader('connection', 'close').end('public'), {
      // Rebinding: whoever asked a second time would be sent to the private server.
      'files.example.com': [[publicAddress], [privateAddress]],
    });
    const opened = await places.openUrl(places.url('/one'), { limit });
    expect(await text(opened.body)).toBe('public');
    expect(places.seen.asked).toEqual(['files.example.com']);
    expect(await faultOf(places.openUrl(places.url('/two'), { limit }))).toBe('refused');
    expect(places.seen.asked).toHaveLength(2);
    expect(places.seen).toMatchObject({ public: ['files.example.com/one'], private: [] });
  });

  it('goes on over its kept connection whatever the name server says by now, and lends it to no other name', async () => {
    places.plan((_, response) => void response.end('public'), {
      'third.example.com': [[publicAddress], [privateAddress]],
      'other.example.com': [[privateAddress]],
    });
    for (let time = 0; time < 3; time++) {
      const opened = await places.openUrl(places.url('/', 'third.example.com'), { limit });
      expect(await text(opened.body)).toBe('public');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(places.seen.asked).toEqual(['third.example.com']);
    expect(await faultOf(places.openUrl(places.url('/', 'other.example.com'), { limit }))).toBe('refused');
    expect(places.seen.private).toEqual([]);
  });

  it.each([
    ['loopback', [privateAddress]],
    ['metadata', ['169.254.169.254']],
    ['IPv6 loopback', ['::1']],
    ['IPv4-mapped', ['::ffff:127.0.0.1']],
    ['NAT64', ['64:ff9b::7f00:1']],
    ['unique local', ['fd00::1']],
    ['a public one and a private one', [publicAddress, '10.0.0.7']],
    ['a private one and a public one', ['::1', publicAddress]],
  ])('that leads to %s is refused', async (_, addresses) => {
    places.plan((__, response) => void response.end('secret'), { 'evil.example.net': [addresses] });
    for (const method of ['GET', 'POST'] as const) {
      expect(await faultOf(places.openUrl('https://evil.example.net/', { limit, method }))).toBe('refused');
    }
    expect(places.seen).toMatchObject({ public: [], private: [], asked: ['evil.example.net', 'evil.example.net'] });
  });

  it('that leads nowhere is unreachable, and says nothing of addresses', async () => {
    places.plan(() => {}, { 'empty.example.net': [[]] });
    for (const name of ['nowhere.example.net', 'empty.example.net']) {
      const thrown = await places.openUrl(`https://${name}/`, { limit }).catch((one: unknown) => one);
      expect(thrown).toMatchObject({ fault: 'unreachable', passing: true, message: 'It could not be reached.' });
    }
  });

  it('must prove itself: a certificate for another name is not believed', async () => {
    places.plan((_, response) => void response.end('public'), { 'evil.example.net': [[publicAddress]] });
    expect(await faultOf(places.openUrl(places.url('/', 'evil.example.net'), { limit }))).toBe('unreachable');
    expect(places.seen.public).toEqual([]);
  });
});

describe('a redirect', () => {
  const to = (location: string, status = 302) =>
    places.plan(
      (request, response) => {
        if (request.url === '/start') response.writeHead(status, { location }).end('elsewhere');
        else response.end(`at ${request.headers.host?.split(':')[0]}${request.url}`);
      },
      { 'evil.example.net': [[privateAddress]] },
    );

  it.each(hostileUrls.filter(([, url]) => URL.canParse(url) && /^[!-~]+$/.test(url)))(
    'to a hostile URL is not followed: %s (%s)',
    async (_, url) => {
      to(url);
      expect(await faultOf(places.openUrl(places.url('/start'), { limit }))).toMatch(/^(refused|redirect)$/);
      expect(places.seen).toMatchObject({ public: ['files.example.com/start'], private: [] });
    },
  );

  it.each([301, 302, 303, 307, 308])(
    '%i to the private network by DNS or by literal is not followed',
    async (status) => {
      const privates = [
        () => 'https://evil.example.net/',
        () => places.hiddenUrl('/').replace('files.example.com', privateAddress),
        () => 'https://169.254.169.254/latest/meta-data',
        () => places.plainUrl('/secret'),
      ];
      for (const location of privates) {
        to(location(), status);
        expect(await faultOf(places.openUrl(places.url('/start'), { limit })), location()).toMatch(
          /^(refused|redirect)$/,
        );
        expect(places.seen.private).toEqual([]);
      }
    },
  );

  it('does not reach what the operator vouches for', async () => {
    for (const location of [
      places.plainUrl('/secret'),
      places.hiddenUrl('/').replace('files.example.com', privateAddress),
    ]) {
      to(location);
      const allowedOrigins = [new URL(location).origin];
      expect(await faultOf(places.openUrl(places.url('/start'), { limit, allowedOrigins }))).toMatch(
        /^(refused|redirect)$/,
      );
      expect(places.seen.private).toEqual([]);
    }
  });

  it('within what the operator vouches for is followed', async () => {
    to('/end');
    const allowedOrigins = [new URL(places.plainUrl('/')).origin];
    const opened = await places.openUrl(places.plainUrl('/start'), { limit, allowedOrigins });
    expect(await text(opened.body)).toBe(`at ${privateAddress}/end`);
  });

  it('to another public host is followed, without the headers that were meant for the first', async () => {
    const heard: unknown[] = [];
    places.plan((request, response) => {
      heard.push([request.url, request.headers['x-secret']]);
      if (request.url === '/start') response.writeHead(302, { location: '/middle' }).end();
      else if (request.url === '/middle') {
        response.writeHead(302, { location: places.url('/end', 'other.example.com') }).end();
      } else response.end('there');
    });
    const opened = await places.openUrl(places.url('/start'), { limit, headers: { 'x-secret': 'mine' } });
    expect(await text(opened.body)).toBe('there');
    expect(heard).toEqual([
      ['/start', 'mine'],
      ['/middle', 'mine'],
      ['/end', undefined],
    ]);
  });

  it('is followed three times at most, or as often as asked', async () => {
    places.plan((request, response) => {
      const count = Number(request.url?.slice(1));
      if (count > 0) response.writeHead(302, { location: `/${count - 1}` }).end();
      else response.end('there');
    });
    expect(await text((await places.openUrl(places.url('/3'), { limit })).body)).toBe('there');
    expect(await faultOf(places.openUrl(places.url('/4'), { limit }))).toBe('redirect');
    expect(await faultOf(places.openUrl(places.url('/1'), { limit, redirects: 0 }))).toBe('redirect');
  });

  it('of a POST is never followed, and without a place it is an answer', async () => {
    to('/end', 307);
    expect(await faultOf(places.openUrl(places.url('/start'), { limit, method: 'POST', body: '{}' }))).toBe('redirect');
    expect(places.seen.public).toEqual(['files.example.com/start']);
    places.plan((_, response) => void response.writeHead(302).end());
    const opened = await places.openUrl(places.url('/start'), { limit });
    expect(opened.status).toBe(302);
    await opened.body.cancel();
  });
});
