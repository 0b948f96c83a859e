import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../providers/simulators/clock.ts';
import { faultList } from '../../providers/simulators/faults/list.ts';
import { Limiter } from '../../providers/simulators/limits.ts';
import { openai } from '../../providers/simulators/openai.ts';
import { type SimulatorServer, startSimulators } from '../../providers/simulators/server.ts';
import type { Simulator } from '../../providers/simulators/simulator.ts';

/** What a client saw: an answer and its body, or what was thrown, before or during the body. */
type Seen = {
  status?: number;
  headers: Headers;
  text: string;
  bytes: number;
  chunks: number;
  thrown?: string;
  broke?: string;
  ms: number;
};

const line = 'one two three four five sïx seven eight nine ten';
type Ask = (fault: string, more?: object, signal?: AbortSignal) => Promise<Seen>;

function codeOf(thrown: unknown): string {
  const { code, cause, name } = thrown as { code?: string; cause?: unknown; name?: string };
  return typeof code === 'string' ? code : cause ? codeOf(cause) : (name ?? 'thrown');
}

async function see(send: () => Promise<Response>): Promise<Seen> {
  const seen: Seen = { headers: new Headers(), text: '', bytes: 0, chunks: 0, ms: 0 };
  const start = performance.now();
  try {
    const answer = await send();
    seen.status = answer.status;
    seen.headers = answer.headers;
    const decoder = new TextDecoder();
    try {
      for await (const chunk of answer.body ?? []) {
        seen.bytes += chunk.length;
        seen.chunks++;
        if (seen.bytes < 5_000_000) seen.text += decoder.decode(chunk, { stream: true });
      }
    } catch (thrown) {
      seen.broke = codeOf(thrown);
    }
  } catch (thrown) {
    seen.thrown = codeOf(thrown);
  }
  seen.ms = performance.now() - start;
  return seen;
}

/** One chat through a simulator whose next request has the fault. */
const asking =
  (simulator: () => Simulator, base: () => string, send: () => typeof fetch): Ask =>
  (fault, more = {}, signal) => {
    if (fault) simulator().fail(fault);
    const body = { model: 'gpt-4o', messages: [{ role: 'user', content: `Say exactly: ${line}` }], ...more };
    return see(() =>
      send()(`${base()}/chat/completions`, {
        method: 'POST',
        redirect: 'manual',
        headers: { authorization: 'Bearer k', 'content-type': 'application/json' },
        body: JSON.stringify(body),
        ...(signal ? { signal } : {}),
      }),
    );
  };

const stream = { stream: true, stream_options: { include_usage: true } };
const events = (seen: Seen) => seen.text.split(/\r\n\r\n|\n\n|\r\r/).filter((one) => /^data:/m.test(one));
const seconds = (date: string | null) => (Date.parse(date ?? '') - Date.now()) / 1_000;
const now = Date.UTC(2026, 10, 22, 12);

type Case = { fault: string; more?: object; signal?: number; check: (seen: Seen, place: 'process' | 'server') => void };
const limited = (check: (headers: Headers) => void) => (seen: Seen) => {
  expect(seen.status).toBe(429);
  check(seen.headers);
};
const breaks = (seen: Seen, codes: RegExp) => expect(`${seen.thrown} ${seen.broke}`).toMatch(codes);

const cases: Case[] = [
  {
    fault: 'status:503',
    check: ({ status, headers }) => expect([status, headers.get('retry-after')]).toEqual([503, '1']),
  },
  { fault: 'retry-after:7', check: limited((headers) => expect(headers.get('retry-after')).toBe('7')) },
  {
    fault: 'retry-after-date:30',
    check: limited((headers) => expect(Date.parse(headers.get('retry-after')!)).toBe(now + 30_000)),
  },
  {
    fault: 'retry-after-past',
    check: limited((headers) => expect(Date.parse(headers.get('retry-after')!)).toBeLessThan(now)),
  },
  { fault: 'retry-after-ms:1500', check: limited((headers) => expect(headers.get('retry-after-ms')).toBe('1500')) },
  { fault: 'retry-after-bad', check: limited((headers) => expect(Number(headers.get('retry-after'))).toBeNaN()) },
  { fault: 'retry-after-negative', check: limited((headers) => expect(headers.get('retry-after')).toBe('-5')) },
  {
    fault: 'retry-after-none',
    check: limited((headers) => expect([...headers.keys()].join()).not.toMatch(/retry|ratelimit/)),
  },
  {
    fault: 'rate-reset:6m0s',
    check: limited((headers) => expect(headers.get('x-ratelimit-reset-requests')).toBe('6m0s')),
  },
  {
    fault: 'rate-reset-at:90',
    check: limited((headers) =>
      expect(Date.parse(headers.get('anthropic-ratelimit-requests-reset')!)).toBe(now + 90_000),
    ),
  },
  {
    fault: 'quota',
    check: ({ status, text }) => expect([status, text]).toEqual([429, expect.stringContaining('insufficient_quota')]),
  },
  { fault: 'overloaded', check: ({ status }) => expect(status).toBe(503) },
  {
    fault: 'edge:504',
    check: ({ status, text }) => expect([status, text]).toEqual([504, expect.stringMatching(/^<!doctype/)]),
  },
  { fault: 'billed-500', check: ({ status }) => expect(status).toBe(500) },
  { fault: 'billed:503', check: ({ status }) => expect(status).toBe(503) },
  {
    fault: 'billed-edge:502',
    check: ({ status, headers }) => expect([status, headers.get('content-type')]).toEqual([502, 'text/html']),
  },
  { fault: 'billed-reset', check: (seen) => expect(seen.thrown).toBe('ECONNRESET') },
  { fault: 'dns', check: (seen, place) => expect(seen.thrown).toBe(place === 'process' ? 'ENOTFOUND' : 'ECONNRESET') },
  {
    fault: 'refused',
    check: (seen, place) => expect(seen.thrown).toBe(place === 'process' ? 'ECONNREFUSED' : 'ECONNRESET'),
  },
  {
    fault: 'connect-timeout',
    check: (seen, place) => expect(seen.thrown).toBe(place === 'process' ? 'UND_ERR_CONNECT_TIMEOUT' : 'ECONNRESET'),
  },
  {
    fault: 'tls',
    check: (seen, place) =>
      expect(seen.thrown).toBe(place === 'process' ? 'DEPTH_ZERO_SELF_SIGNED_CERT' : 'ECONNRESET'),
  },
  { fault: 'reset', check: (seen) => expect(seen.thrown).toBe('ECONNRESET') },
  {
    fault: 'reset:2',
    more: stream,
    check: (seen) => {
      expect(events(seen)).toHaveLength(2);
      expect(seen.broke).toMatch(/ECONNRESET|UND_ERR_SOCKET/);
    },
  },
  { fault: 'fin', check: (seen) => expect(seen.thrown).toBe('UND_ERR_SOCKET') },
  {
    fault: 'reset-bytes:100',
    more: stream,
    check: (seen) => {
      expect(seen.bytes).toBe(100);
      expect(seen.broke).toMatch(/ECONNRESET|UND_ERR_SOCKET/);
    },
  },
  {
    fault: 'fin-bytes:100',
    more: stream,
    check: (seen) => {
      expect(seen.bytes).toBe(100);
      expect(seen.broke).toBe('UND_ERR_SOCKET');
    },
  },
  {
    fault: 'cut:2',
    more: stream,
    check: (seen) => {
      expect(events(seen)).toHaveLength(2);
      expect(seen.broke).toBeUndefined();
    },
  },
  {
    fault: 'cut-bytes:100',
    check: (seen) => {
      expect([seen.bytes, seen.broke]).toEqual([100, undefined]);
    },
  },
  {
    fault: 'truncated:100',
    check: (seen, place) => {
      expect([seen.status, seen.bytes, seen.broke]).toEqual([200, 100, undefined]);
      if (place === 'server')
        expect(seen.headers.get('content-length') ?? seen.headers.get('transfer-encoding')).toBeNull();
    },
  },
  {
    fault: 'short-length:100',
    check: (seen) => {
      expect(seen.headers.get('content-length')).toBe('1100');
      breaks(seen, /UND_ERR_SOCKET|CONTENT_LENGTH/);
    },
  },
  {
    fault: 'bad-chunk:100',
    more: stream,
    check: (seen) => breaks(seen, /HPE_INVALID_CHUNK_SIZE|UND_ERR_SOCKET|HTTPParserError/),
  },
  { fault: 'huge-header', check: (seen) => expect(seen.thrown).toBe('UND_ERR_HEADERS_OVERFLOW') },
  { fault: 'many-headers', check: (seen) => expect(seen.thrown).toBe('UND_ERR_HEADERS_OVERFLOW') },
  { fault: 'bad-gzip', check: (seen) => breaks(seen, /Z_DATA_ERROR|terminated/) },
  { fault: 'gzip-bomb:12', check: (seen) => expect(seen.bytes).toBe(12 * 1024 * 1024) },
  { fault: 'slow:60', check: (seen) => expect([seen.status, seen.ms >= 55]).toEqual([200, true]) },
  { fault: 'late:60', check: (seen) => expect([seen.status, seen.ms >= 55]).toEqual([200, true]) },
  { fault: 'stall', signal: 150, check: (seen) => expect(seen.thrown).toBe('TimeoutError') },
  { fault: 'stall:60', check: (seen) => expect([seen.status, seen.ms >= 55]).toEqual([200, true]) },
  {
    fault: 'stall-after:2',
    more: stream,
    signal: 300,
    check: (seen) => {
      expect(events(seen)).toHaveLength(2);
      expect(seen.broke).toBe('TimeoutError');
    },
  },
  {
    fault: 'stall-after:2:60',
    more: stream,
    check: (seen) => {
      expect(seen.text).toContain('[DONE]');
      expect(seen.ms).toBeGreaterThanOrEqual(55);
    },
  },
  { fault: 'pace:5', more: stream, check: (seen) => expect(seen.ms).toBeGreaterThan((events(seen).length - 1) * 4) },
  {
    fault: 'drip:1',
    check: (seen, place) => {
      expect(JSON.parse(seen.text)).toMatchObject({ choices: [{ message: { content: line } }] });
      if (place === 'process') expect(seen.chunks).toBe(seen.bytes);
    },
  },
  {
    fault: 'garbage',
    check: ({ status, text }) => expect([status, text]).toEqual([200, expect.stringMatching(/^<!doctype/)]),
  },
  { fault: 'empty', check: ({ status, bytes }) => expect([status, bytes]).toEqual([200, 0]) },
  { fault: 'half-json', check: ({ text }) => expect(() => JSON.parse(text)).toThrow() },
  {
    fault: 'error-200',
    check: ({ status, text }) =>
      expect([status, JSON.parse(text)]).toMatchObject([200, { error: { type: expect.any(String) } }]),
  },
  {
    fault: 'content-type:text/html',
    check: ({ headers, text }) => {
      expect(headers.get('content-type')).toBe('text/html');
      expect(JSON.parse(text)).toMatchObject({ object: 'chat.completion' });
    },
  },
  {
    fault: 'redirect',
    check: ({ status, headers }) =>
      expect([status, headers.get('location')]).toEqual([302, expect.stringContaining('169.254.169.254')]),
  },
  {
    fault: 'redirect:https://elsewhere.example/',
    check: ({ headers }) => expect(headers.get('location')).toBe('https://elsewhere.example/'),
  },
  {
    fault: 'split',
    more: stream,
    check: (seen, place) => {
      expect(seen.text).toContain('sïx'.slice(0, 1));
      expect(seen.text).toMatch(/\[DONE\]/);
      if (place === 'process') expect(seen.chunks).toBe(seen.bytes);
    },
  },
  { fault: 'merge', more: stream, check: (seen) => expect([seen.chunks, events(seen).length > 5]).toEqual([1, true]) },
  {
    fault: 'sse-no-blank',
    more: stream,
    check: ({ text }) => expect([text.includes('\n\n'), text.includes('[DONE]')]).toEqual([false, true]),
  },
  {
    fault: 'sse-cr',
    more: stream,
    check: ({ text }) => expect([text.includes('\n'), text.includes('[DONE]\r\r')]).toEqual([false, true]),
  },
  { fault: 'sse-crlf', more: stream, check: ({ text }) => expect(text).toMatch(/\[DONE\]\r\n\r\n$/) },
  // A decoder takes the mark away: the bytes are three more than the text.
  {
    fault: 'sse-bom',
    more: stream,
    check: ({ text, bytes }) => expect(bytes - new TextEncoder().encode(text).length).toBe(3),
  },
  { fault: 'sse-no-space', more: stream, check: ({ text }) => expect(text).toMatch(/^data:\{/m) },
  { fault: 'sse-comments', more: stream, check: ({ text }) => expect(text).toMatch(/^: keep-alive$/m) },
  { fault: 'sse-ids', more: stream, check: ({ text }) => expect(text).toMatch(/^id: 3\nretry: 3000\ndata: \{/m) },
  {
    fault: 'sse-long-line:1024',
    more: stream,
    check: ({ text }) => expect(Math.max(...text.split('\n').map((one) => one.length))).toBeGreaterThan(1024 * 1024),
  },
  {
    fault: 'bad-event:2',
    more: stream,
    check: (seen) => {
      const read = events(seen).map((one) => {
        try {
          return Boolean(one.includes('[DONE]') || JSON.parse(one.slice(6)));
        } catch {
          return false;
        }
      });
      expect(read.filter((good) => !good)).toHaveLength(1);
      expect(read[2]).toBe(false);
    },
  },
  { fault: 'bad-utf8:2', more: stream, check: (seen) => expect(events(seen)[2]).toContain('\ufffd') },
  { fault: 'duplicate-event:2', more: stream, check: (seen) => expect(events(seen)[2]).toBe(events(seen)[3]) },
  {
    fault: 'error-event:2',
    more: stream,
    check: (seen) => {
      expect(events(seen)).toHaveLength(3);
      expect(JSON.parse(events(seen)[2]!.slice(6))).toMatchObject({ error: { message: expect.any(String) } });
    },
  },
  {
    fault: 'no-end',
    more: stream,
    check: ({ text }) => expect([text.includes('[DONE]'), text.includes('"usage":{')]).toEqual([false, true]),
  },
  { fault: 'usage-missing', check: ({ text }) => expect(JSON.parse(text).usage).toBeUndefined() },
  {
    fault: 'usage-missing',
    more: stream,
    check: ({ text }) => expect([text.includes('usage'), text.includes('[DONE]')]).toEqual([false, true]),
  },
  {
    fault: 'usage-twice',
    more: stream,
    check: ({ text }) => expect(text.match(/"prompt_tokens":\d+/g)).toHaveLength(2),
  },
  {
    fault: 'usage-decreasing',
    more: stream,
    check: ({ text }) => {
      const [first, second] = [...text.matchAll(/"prompt_tokens":(\d+)/g)].map((found) => Number(found[1]));
      expect(second).toBe(Math.floor(first! / 2));
    },
  },
  // A chat makes no media and no job.
  { fault: 'empty-image', check: ({ status }) => expect(status).toBe(200) },
  { fault: 'bad-image', check: ({ status }) => expect(status).toBe(200) },
  { fault: 'job:fail', check: ({ status }) => expect(status).toBe(200) },
];

it('has a case for every fault of the list, and no other', () => {
  const tried = new Set(cases.map((one) => one.fault.split(':')[0]));
  expect([...tried].sort()).toEqual(faultList.map((fault) => fault.name).sort());
});

const billedThoughLost = /^(billed|half-json|reset:|reset-bytes|fin-bytes|cut|truncated|short|bad-chunk|bad-gzip)/;

function suite(place: 'process' | 'server', ask: Ask, simulator: () => Simulator) {
  afterEach(() => simulator().reset());

  for (const { fault, more, signal, check } of cases) {
    it(`${fault}${more ? ', streamed' : ''}`, async () => {
      const seen = await ask(fault, more, signal === undefined ? undefined : AbortSignal.timeout(signal));
      check(seen, place);
      if (billedThoughLost.test(fault)) expect(simulator().bill.calls[0]?.charges).not.toEqual([]);
      const after = await ask('');
      expect(JSON.parse(after.text)).toMatchObject({ choices: [{ message: { content: line } }] });
    });
  }
}

describe('in process', () => {
  const simulator = openai({ now: () => now });
  suite(
    'process',
    asking(
      () => simulator,
      () => 'https://api.openai.com/v1',
      () => simulator.fetch as typeof fetch,
    ),
    () => simulator,
  );
});

describe('over sockets', () => {
  let server: SimulatorServer;
  beforeAll(async () => {
    server = await startSimulators({ now: () => now });
  });
  afterAll(() => server.close());
  const simulator = () => server.simulators.get('openai')!;
  suite(
    'server',
    asking(
      simulator,
      () => server.env.OPENAI_BASE_URL!,
      () => fetch,
    ),
    simulator,
  );

  it('has addresses at which nobody is', async () => {
    expect((await see(() => fetch(server.dead.refused))).thrown).toBe('ECONNREFUSED');
    expect((await see(() => fetch(server.dead.unresolvable))).thrown).toMatch(/ENOTFOUND|EAI_AGAIN/);
    expect((await see(() => fetch(server.dead.silent, { signal: AbortSignal.timeout(100) }))).thrown).toBe(
      'TimeoutError',
    );
  });

  it('the date of a real clock lies ahead', async () => {
    const real = await startSimulators();
    const other = real.simulators.get('openai')!;
    const { headers } = await asking(
      () => other,
      () => real.env.OPENAI_BASE_URL!,
      () => fetch,
    )('retry-after-date:30');
    expect(seconds(headers.get('retry-after'))).toBeGreaterThan(27);
    await real.close();
  });
});

describe('chosen', () => {
  const content = 'Say exactly: hello';
  const post = (simulator: Simulator, body: object) =>
    simulator.fetch('https://api.openai.com/v1/chat/completions', {
      method: 'POST',
      headers: { authorization: 'Bearer k' },
      body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content }], ...body }),
    });

  it('at the name of the model, which the vendor then knows', async () => {
    const simulator = openai({ faults: true });
    expect((await post(simulator, { model: 'gpt-4o#fault=status:503' })).status).toBe(503);
    const answer = await post(simulator, { model: 'gpt-4o#fault=slow:1' });
    expect(await answer.json()).toMatchObject({ model: expect.stringMatching(/^gpt-4o(?!#)/) });
    expect((await post(openai(), { model: 'gpt-4o#fault=status:503' })).status).toBe(200);
  });

  it('in a prompt', async () => {
    const messages = [{ role: 'user', content: `[[fault:redirect:http://10.0.0.1/]] ${content}` }];
    expect((await post(openai({ faults: true }), { messages })).headers.get('location')).toBe('http://10.0.0.1/');
    expect((await post(openai(), { messages })).status).toBe(200);
  });

  it('for some requests, for one model, or for a while', async () => {
    let time = 0;
    const simulator = openai({ now: () => time });
    simulator.fail('status:500', { times: 2, model: 'gpt-4o-mini' });
    const statuses = async (...models: string[]) => {
      const seen: number[] = [];
      for (const model of models) seen.push((await post(simulator, { model })).status);
      return seen;
    };
    expect(await statuses('gpt-4o', 'gpt-4o-mini', 'gpt-4o-mini', 'gpt-4o-mini')).toEqual([200, 500, 500, 200]);
    simulator.fail('status:503', { forMs: 60_000 });
    expect(await statuses('gpt-4o', 'gpt-4o')).toEqual([503, 503]);
    time = 59_999;
    expect(await statuses('gpt-4o')).toEqual([503]);
    time = 60_000;
    expect(await statuses('gpt-4o')).toEqual([200]);
    expect(() => simulator.fail('no-such-fault')).toThrow('no-such-fault');
  });

  it('media that is nothing, or no picture', async () => {
    const simulator = openai();
    const draw = async (fault: string) => {
      simulator.fail(fault);
      const answer = await simulator.fetch('https://api.openai.com/v1/images/generations', {
        method: 'POST',
        headers: { authorization: 'Bearer k' },
        body: JSON.stringify({ model: 'gpt-image-2', prompt: 'a lamp', size: '64x64' }),
      });
      return ((await answer.json()) as { data: { b64_json: string }[] }).data[0]!.b64_json;
    };
    expect(await draw('empty-image')).toBe('');
    expect(atob(await draw('bad-image'))).toMatch(/^this is no picture/);
  });

  it('by what a key may do in a minute, and at once', async () => {
    let time = 0;
    const simulator = openai({ now: () => time, limits: { requestsPerMinute: 2, concurrent: 1 } });
    const open = await post(simulator, { stream: true });
    const refused = await post(simulator, {});
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    await open.text();
    await (await post(simulator, {})).text();
    time = 20_000;
    const late = await post(simulator, {});
    expect([late.status, late.headers.get('retry-after')]).toEqual([429, '40']);
    time = 60_001;
    expect((await post(simulator, {})).status).toBe(200);
  });

  it.each(['authorization', 'x-api-key', 'x-goog-api-key', 'xi-api-key', 'x-key'])('key by key in %s', (name) => {
    const limiter = new Limiter(
      { requestsPerMinute: 1 },
      systemClock(() => 0),
    );
    const begin = (key: string) =>
      limiter.begin(new Request('https://a.example', { method: 'POST', headers: { [name]: key } }));
    expect(begin('one')).toBeTypeOf('function');
    expect(begin('other')).toBeTypeOf('function');
    expect(begin('one')).toBe(60);
  });
});
