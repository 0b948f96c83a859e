import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, isObject, type Json, stringAt } from '../../src/contract/index.ts';
import { makeKey } from '../../src/gateway/credential.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { clientOf, doors, lanes, pico } from './doors.ts';

/** Bad input, answered before anything is sent: a clear error, a stable code, and no trace in the book. */
describe('bad input', () => {
  let gateway: RunningGateway;
  const { send, post, newest, spent } = clientOf(() => gateway);
  let newestBefore: Json;

  beforeAll(async () => {
    gateway = await startGateway();
    await post('/v1/generations', { modality: 'text', input: 'Say exactly: first' });
    newestBefore = await newest();
  });
  afterAll(async () => {
    // All of this file's requests were refused before a provider was called, except where a test says otherwise.
    expect(at(await newest(), 'id')).toBe(at(newestBefore, 'id'));
    await gateway.close();
  });

  for (const door of doors) {
    describe(door.name, () => {
      const refused = async (body: unknown, status: number, code: string, param?: string) => {
        const answer = await post(door.path, body);
        expect(`${answer.status} ${door.codeOf(answer.body)}`, answer.text).toBe(`${status} ${code}`);
        expect(answer.headers.get('content-type')).toBe('application/json');
        expect(answer.headers.get('x-atelier-error-code')).toBe(code);
        expect(answer.headers.get('x-should-retry')).toBe('false');
        expect(answer.headers.get('x-atelier-generation')).toBeNull();
        expect(stringAt(answer.body, 'error', 'message')!.length).toBeGreaterThan(10);
        if (param !== undefined) expect(stringAt(answer.body, 'error', 'param')).toBe(param);
        return answer;
      };

      it('malformed JSON', async () => {
        for (const text of ['{"model": "openai/gpt-5.5", ', 'hello', '{"a":1}}', "{'a':1}", '{"a":\u0000}', '']) {
          await refused(text, 400, 'invalid_json');
        }
      });

      it('JSON that is no object', async () => {
        for (const text of ['[]', '"text"', 'null', '3', 'true']) await refused(text, 400, 'invalid_json');
      });

      it('no model', async () => {
        const { model: _, modality: __, ...body } = door.write('hi');
        await refused(body, 400, 'invalid_request', 'model');
        await refused({ ...body, model: '' }, 400, 'invalid_request', 'model');
        await refused({ ...body, model: 7 }, 400, 'invalid_request', 'model');
        await refused({ ...body, model: null }, 400, 'invalid_request', 'model');
      });

      it('an unknown model', async () => {
        for (const model of ['no-such-model', 'nobody/nothing', 'constructor', '__proto__', 'openai/', '/gpt-5.5']) {
          await refused({ ...door.write('hi'), model }, 404, 'model_not_found', 'model');
        }
      });

      it('a model that makes something else, naming some that do', async () => {
        const answer = await refused({ ...door.write('hi'), model: 'openai/gpt-image-2' }, 400, 'modality_mismatch');
        expect(stringAt(answer.body, 'error', 'message')).toContain('openai/gpt-5.5');
      });
    });
  }

  describe('the one endpoint', () => {
    const image = { model: 'openai/gpt-image-2', input: 'a lamp' };
    const text = { modality: 'text', input: 'hi' };
    const refusals: [string, Record<string, unknown>, string, string | undefined][] = [
      ['an unknown field', { ...image, colour: 'red' }, 'unsupported_parameter', 'colour'],
      ['an unknown modality', { modality: 'smell', input: 'x' }, 'invalid_request', 'modality'],
      ['neither model nor modality', { input: 'x' }, 'invalid_request', 'model'],
      ['no input', { model: 'openai/gpt-image-2' }, 'invalid_request', 'input'],
      ['an empty input', { ...image, input: '' }, 'invalid_request', 'input'],
      ['a count that is text', { ...image, n: '2' }, 'invalid_request', 'n'],
      ['a count of zero', { ...image, n: 0 }, 'invalid_request', 'n'],
      ['a broken count', { ...image, n: 1.5 }, 'invalid_request', 'n'],
      ['too many', { ...image, n: 10_000 }, 'invalid_request', 'n'],
      ['a size that is a number', { ...image, size: 1024 }, 'invalid_request', 'size'],
      ['an endless wait', { ...image, wait: 1e9 }, 'invalid_request', 'wait'],
      ['a wait that is text', { ...image, wait: 'long' }, 'invalid_request', 'wait'],
      ['tags that are text', { ...image, tags: 'mine' }, 'invalid_request', 'tags'],
      ['a tag that is a number', { ...image, tags: { team: 3 } }, 'invalid_request', 'tags.team'],
      ['no text input', { modality: 'text' }, 'invalid_request', 'input'],
      ['text with tags that are text', { ...text, tags: 'mine' }, 'invalid_request', 'tags'],
      ['text with a nested tag', { ...text, tags: { team: { a: 1 } } }, 'invalid_request', 'tags.team'],
      ['text with params that are text', { ...text, params: 'hot' }, 'invalid_request', 'params'],
      ['text with a stream that is text', { ...text, stream: 'yes' }, 'invalid_request', 'stream'],
      ['text with a temperature that is text', { ...text, temperature: 'hot' }, 'invalid_request', 'temperature'],
      [
        'audio that is none',
        { modality: 'transcription', input: 'data:audio/wav;base64,AAAA' },
        'invalid_request',
        'input',
      ],
      ['audio that is not base64', { modality: 'transcription', input: { data: '%%' } }, 'invalid_request', 'input'],
      ['audio at no address', { modality: 'transcription', input: 'somewhere' }, 'invalid_request', 'input'],
      [
        'audio on this machine',
        { modality: 'transcription', input: 'https://127.0.0.1/a.wav' },
        'invalid_request',
        'input',
      ],
      [
        'audio of the cloud',
        { modality: 'transcription', input: 'https://169.254.169.254/a' },
        'invalid_request',
        'input',
      ],
      [
        'audio without TLS',
        { modality: 'transcription', input: 'http://example.org/a.wav' },
        'invalid_request',
        'input',
      ],
      [
        'a file of this machine',
        { modality: 'transcription', input: 'file:///etc/passwd' },
        'invalid_request',
        'input',
      ],
    ];
    for (const [name, body, code, param] of refusals) {
      it(`refuses ${name}`, async () => {
        const answer = await post('/v1/generations', body);
        expect(`${answer.status} ${stringAt(answer.body, 'error', 'code')}`, answer.text).toBe(`400 ${code}`);
        expect(stringAt(answer.body, 'error', 'param')).toBe(param);
        expect(at(answer.body, 'error', 'retryable')).toBe(false);
      });
    }

    it('refuses a model that cannot make what is asked, with models and prices as facts', async () => {
      const answer = await post('/v1/generations', { model: 'openai/gpt-5.5', modality: 'image', input: 'x' });
      expect(answer.body).toMatchObject({ error: { code: 'modality_mismatch', facts: { modality: 'image' } } });
      expect(at(answer.body, 'error', 'facts', 'models', 0, 'prices', 0, 'price')).toMatch(/^\d/);
    });

    it('refuses forms it cannot read, and files under other names', async () => {
      const torn = await send('/v1/generations', {
        body: 'no form at all',
        headers: { 'content-type': 'multipart/form-data; boundary=x' },
      });
      expect(`${torn.status} ${stringAt(torn.body, 'error', 'code')}`).toBe('400 invalid_request');
      const form = new FormData();
      form.set('model', 'openai/whisper-1');
      form.set('secret', new File(['x'], 'x.wav'));
      const packed = new Response(form);
      const named = await send('/v1/generations', {
        body: await packed.arrayBuffer(),
        headers: { 'content-type': packed.headers.get('content-type')! },
      });
      expect(named.body).toMatchObject({ error: { code: 'unsupported_parameter', param: 'secret' } });
    });

    it('says which other-dialect fields were dropped, and refuses them when strict', async () => {
      const lane = lanes[2]!;
      const body = lane.write('hi', { logit_bias: { 1: 2 } });
      const strict = await post(lane.path, body, { headers: { 'x-atelier-strict': 'true' } });
      expect(`${strict.status} ${lane.codeOf(strict.body)}`, strict.text).toBe('400 unsupported_parameter');
      const own = await post(
        '/v1/generations',
        { model: 'anthropic/claude-sonnet-5', input: 'hi', logit_bias: { 1: 2 } },
        { headers: { 'x-atelier-strict': 'true' } },
      );
      expect(`${own.status} ${stringAt(own.body, 'error', 'code')}`, own.text).toBe('400 unsupported_parameter');
    });
  });

  describe('credentials', () => {
    const codes = async (key: string, headers: Record<string, string> = {}, path?: string) => {
      const seen = [];
      for (const door of doors) {
        const answer = await post(path ?? door.path, door.write('hi'), { key, headers });
        seen.push(`${answer.status} ${door.codeOf(answer.body)}`);
      }
      return [...new Set(seen)];
    };

    it('refuses a missing key', async () => {
      expect(await codes('')).toEqual(['401 authentication_required']);
      expect(await codes('', { authorization: 'Basic YTpi' })).toEqual(['401 authentication_required']);
    });

    it('refuses malformed, mistyped, unknown and foreign keys with one and the same answer', async () => {
      const typo = gateway.appKey.replace(/.$/, (letter) => (letter === '0' ? '1' : '0'));
      const keys = [
        'x',
        'sk-abc',
        'atl_live_main_short_00000000',
        typo,
        makeKey('live', 'main'),
        makeKey('live', 'nobody'),
      ];
      keys.push(makeKey('admin', 'main'), `${gateway.appKey}x`, gateway.appKey.toUpperCase());
      keys.push(makeKey('live', 'main').replace('_main_', '_../../main_'));
      const answers = [];
      for (const key of keys) answers.push((await send('/v1/generations', { key })).text);
      expect(new Set(answers).size).toBe(1);
      expect(answers[0]).toContain('invalid_api_key');
      for (const key of keys.slice(0, 5)) expect(await codes(key)).toEqual(['401 invalid_api_key']);
    });

    it('refuses two different credentials, takes the same one twice', async () => {
      expect(await codes(gateway.appKey, { 'x-api-key': makeKey('live', 'main') })).toEqual([
        '400 conflicting_credentials',
      ]);
      const both = await send('/v1/models', { headers: { 'x-api-key': gateway.appKey } });
      expect(both.status).toBe(200);
      for (const headers of [{ 'x-api-key': gateway.appKey }, { 'x-goog-api-key': gateway.appKey }] as Record<
        string,
        string
      >[]) {
        expect((await send('/v1/generations', { key: '', headers })).status).toBe(200);
      }
    });

    it('keeps the planes apart', async () => {
      expect(await codes(gateway.adminKey)).toEqual(['403 permission_denied']);
      for (const [method, path] of [
        ['POST', '/v1/keys'],
        ['GET', '/v1/keys'],
        ['DELETE', '/v1/keys/key_x'],
      ] as const) {
        const body = method === 'POST' ? '{"name":"x"}' : undefined;
        const answer = await send(path, { method, body });
        expect(`${method} ${answer.status} ${stringAt(answer.body, 'error', 'code')}`).toBe(
          `${method} 403 permission_denied`,
        );
      }
    });

    it('lets a key without the scope generate nothing', async () => {
      const made = await post('/v1/keys', { name: 'reader', scopes: ['spend'] }, { key: gateway.adminKey });
      expect(made.status).toBe(201);
      const key = stringAt(made.body, 'key')!;
      expect(await codes(key)).toEqual(['403 permission_denied']);
      const image = await post('/v1/generations', { modality: 'image', input: 'x' }, { key });
      expect(`${image.status} ${stringAt(image.body, 'error', 'code')}`).toBe('403 permission_denied');
      expect((await send('/v1/spend', { key })).status).toBe(200);
    });

    it('shows a key without the spend scope only its own spend', async () => {
      const made = await post('/v1/keys', { name: 'painter' }, { key: gateway.adminKey });
      const key = stringAt(made.body, 'key')!;
      const seen = await send('/v1/spend?simulated=include', { key });
      expect(seen.body).toMatchObject({ rows: [], total_usd: '0' });
      expect(pico(await spent())).toBeGreaterThan(0n);
    });

    it('refuses bad key requests', async () => {
      for (const body of [
        {},
        { name: '' },
        { name: 3 },
        { name: 'x', scopes: ['all'] },
        { name: 'x', extra: 1 },
        { name: 'x', expires_at: -1 },
      ]) {
        const answer = await post('/v1/keys', body, { key: gateway.adminKey });
        expect(`${answer.status} ${stringAt(answer.body, 'error', 'code')}`, JSON.stringify(body)).toBe(
          '400 invalid_request',
        );
      }
      const gone = await send('/v1/keys/key_nothing', { method: 'DELETE', key: gateway.adminKey });
      expect(`${gone.status} ${stringAt(gone.body, 'error', 'code')}`).toBe('404 not_found');
    });

    it('reads the scheme in any case', async () => {
      for (const scheme of ['bearer', 'BEARER']) {
        const headers = { authorization: `${scheme} ${gateway.appKey}` };
        expect((await send('/v1/generations?limit=1', { key: '', headers })).status, scheme).toBe(200);
      }
    });

    it('an expired key is as good as none, at once', async () => {
      const soon = Math.floor(Date.now() / 1000) + 2;
      const brief = await post('/v1/keys', { name: 'brief', expires_at: soon }, { key: gateway.adminKey });
      const key = stringAt(brief.body, 'key')!;
      expect((await send('/v1/generations?limit=1', { key })).status).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, soon * 1000 - Date.now() + 20));
      expect((await send('/v1/generations?limit=1', { key })).status).toBe(401);
    });

    it('an expired key is as good as none', async () => {
      const made = await post('/v1/keys', { name: 'old', expires_at: 1000 }, { key: gateway.adminKey });
      expect(await codes(stringAt(made.body, 'key')!)).toEqual(['401 invalid_api_key']);
    });
  });

  describe('routes', () => {
    it('names an unknown route, to callers with a key only', async () => {
      const answer = await send('/v1/dreams');
      expect(`${answer.status} ${stringAt(answer.body, 'error', 'code')}`).toBe('404 not_found');
      expect(stringAt(answer.body, 'error', 'message')).toContain('GET /v1/dreams');
      expect((await send('/v1/dreams', { key: '' })).status).toBe(401);
    });

    it('speaks the dialect of the place', async () => {
      const anthropic = await send('/v1/messages/batches');
      expect([anthropic.status, at(anthropic.body, 'type')]).toEqual([404, 'error']);
      const gemini = await send('/v1beta/cachedContents', { method: 'POST', body: '{}' });
      expect([gemini.status, at(gemini.body, 'error', 'status')]).toEqual([404, 'NOT_FOUND']);
      const nobody = await send('/v1beta/cachedContents', { key: 'atl_live_main_nobodys' });
      expect([nobody.status, at(nobody.body, 'error', 'status')]).toEqual([401, 'UNAUTHENTICATED']);
    });

    it('passes no turn on that refers to a thread in the account all tenants share', async () => {
      for (const model of ['anthropic/claude-sonnet-5', 'openai/gpt-5.5']) {
        const body = { ...doors[2]!.write('hi'), model, thread: { type: 'continue', id: 'thread_1' } };
        const answer = await post('/v1/messages', body);
        expect(`${answer.status} ${stringAt(answer.body, 'error', 'details', 'error_code')}`, answer.text).toBe(
          '400 thread_unsupported_request',
        );
      }
    });

    it('refuses a wrong method', async () => {
      for (const [method, path, allow] of [
        ['PUT', '/v1/generations', 'GET, POST'],
        ['GET', '/v1/chat/completions', 'POST'],
        ['DELETE', '/v1/spend', 'GET'],
        ['PATCH', '/v1/generations/gen_1', 'GET, DELETE'],
      ] as const) {
        const answer = await send(path, { method });
        const told = `${method} ${answer.status} ${stringAt(answer.body, 'error', 'code')}`;
        expect(told).toBe(`${method} 405 method_not_allowed`);
        expect(answer.headers.get('allow')).toBe(allow);
        expect(stringAt(answer.body, 'error', 'message')).toContain(path);
        expect((await send(path, { method, key: '' })).status).toBe(401);
      }
    });

    it('finds nothing under wrong ids', async () => {
      for (const path of [
        '/v1/generations/gen_nothing',
        '/v1/models/nothing',
        '/v1/models/%E0%A4%A',
        '/assets/asset_main_x?e=1&s=2',
      ]) {
        const answer = await send(path);
        expect(`${path} ${answer.status}`, answer.text).toBe(`${path} 404`);
        expect(isObject(answer.body) && stringAt(answer.body, 'error', 'code')).toMatch(/not_found$/);
      }
    });

    it('refuses bad report questions', async () => {
      for (const question of ['group_by=colour', 'from=yesterday', 'to=2026-13-45', 'simulated=maybe', 'format=xml']) {
        const answer = await send(`/v1/spend?${question}`);
        const told = `${question} ${answer.status} ${stringAt(answer.body, 'error', 'code')}`;
        expect(told).toBe(`${question} 400 invalid_request`);
        expect(stringAt(answer.body, 'error', 'param')).toBe(question.split('=')[0]);
      }
      for (const limit of ['0', '101', '-1', 'x', '1.5']) {
        expect((await send(`/v1/generations?limit=${limit}`)).status, limit).toBe(400);
      }
    });
  });
});

describe('odd but sent', () => {
  let gateway: RunningGateway;
  const { post, newest } = clientOf(() => gateway);
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  it('survives a model name that no header can carry', async () => {
    for (const door of doors) {
      const provider = door.model.split('/')[0];
      for (const name of ['模型-9', 'line\nbreak', '../../v1/models', 'a?b=c#d']) {
        const answer = await post(door.path, { ...door.write('hi'), model: `${provider}/${name}` });
        expect(`${name} ${answer.status} ${door.codeOf(answer.body)}`, answer.text).toBe(`${name} 404 model_not_found`);
        expect(await newest()).toMatchObject({ status: 'failed', attempts: [{ state: 'released' }] });
      }
    }
  });

  it('survives JSON nested without end', async () => {
    const depth = 200_000;
    for (const lane of lanes) {
      for (const deep of [
        `${'['.repeat(depth)}${']'.repeat(depth)}`,
        `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`,
      ]) {
        const body = JSON.stringify(lane.write('hi', { params: '#', metadata: '#' })).replaceAll('"#"', deep);
        const answer = await post(lane.path, body);
        // A dialect may pass it, drop it with a warning, or refuse it: it is the caller's fault, never ours.
        expect([200, 400], `${lane.name} ${answer.text.slice(0, 300)}`).toContain(answer.status);
        if (answer.status === 400)
          expect(lane.codeOf(answer.body)).toMatch(/^(invalid_|provider_rejected|unsupported_)/);
      }
    }
  });

  it('keeps what a wrong field is called, in whichever dialect the provider speaks', async () => {
    for (const door of doors) {
      const answer = await post(door.path, door.write('hi', { temperature: 'hot' }));
      expect(answer.status, answer.text).toBe(400);
      expect(door.codeOf(answer.body)).toMatch(/^(invalid_request|provider_rejected)$/);
      expect(answer.text).toContain('temperature');
    }
  });
});

describe('without credentials for providers', () => {
  it('says so, and sends nothing', async () => {
    const gateway = await startGateway({ ATELIER_SIMULATE: 'off' });
    const { post, send } = clientOf(() => gateway);
    try {
      for (const lane of lanes) {
        const answer = await post(lane.path, lane.write('hi'));
        expect(`${answer.status} ${lane.codeOf(answer.body)}`).toBe('503 provider_not_configured');
        expect(answer.headers.get('x-should-retry')).toBe('false');
      }
      const image = await post('/v1/generations', { modality: 'image', input: 'x' });
      expect(stringAt(image.body, 'error', 'code')).toBe('provider_not_configured');
      expect(at((await send('/v1/generations')).body, 'data')).toEqual([]);
      const models = at((await send('/v1/models')).body, 'data');
      expect(Array.isArray(models) && models.every((model) => at(model, 'available') === false)).toBe(true);
    } finally {
      await gateway.close();
    }
  });
});
