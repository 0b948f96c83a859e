import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Target } from './suite.ts';

type Answer = { status: number; text: string; body: Record<string, unknown>; headers: Headers };

/** Budgets, Idempotency-Keys and jobs, shown through HTTP alone: the same on Node and on Workers. */
export function limits(runtime: string, start: () => Promise<Target>): void {
  describe(`limits on ${runtime}`, () => {
    let target: Target;
    beforeAll(async () => {
      target = await start();
    }, 60_000);
    afterAll(() => target?.close());

    const call = async (method: string, path: string, key: string, body?: unknown, headers = {}): Promise<Answer> => {
      const answer = await target.fetch(`${target.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      const parsed = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {};
      return { status: answer.status, text, body: parsed, headers: answer.headers };
    };
    const image = { model: 'replicate/black-forest-labs/flux-schnell', input: 'a lamp' };

    it('#50 300 at once on a budget for 10 admit exactly 10', async () => {
      const made = await call('POST', '/v1/keys', target.adminKey, { name: 'limited' });
      const limit = { scope: 'key', subject: made.body.id, unit: 'requests', window: 'total', limit: '10' };
      expect((await call('POST', '/v1/budgets', target.adminKey, limit)).status).toBe(201);
      const key = String(made.body.key);
      const chat = { model: 'openai/gpt-5.5', messages: [{ role: 'user', content: 'hello' }], max_tokens: 5 };
      const answers: Answer[] = [];
      // As many at once as a runtime takes without refusing connections.
      for (let sent = 0; sent < 300; sent += 100) {
        const some = Array.from({ length: 100 }, () => call('POST', '/v1/chat/completions', key, chat));
        answers.push(...(await Promise.all(some)));
      }
      expect(answers.filter((answer) => answer.status === 200)).toHaveLength(10);
      expect(answers.filter((answer) => answer.status === 402)).toHaveLength(290);
      const list = await call('GET', '/v1/budgets', key);
      expect((list.body.data as { uses: unknown[] }[])[0]!.uses[0]).toMatchObject({ spent: '10', held: '0' });
    }, 60_000);

    it('#37 50 at once with one Idempotency-Key make one generation and 50 equal answers', async () => {
      const answers = await Promise.all(
        Array.from({ length: 50 }, () =>
          call('POST', '/v1/generations', target.appKey, image, { 'idempotency-key': 'fifty' }),
        ),
      );
      expect(new Set(answers.map((answer) => `${answer.status} ${answer.text}`)).size).toBe(1);
      expect(answers[0]!.status, answers[0]!.text).toBe(200);
      const list = await call('GET', '/v1/generations?limit=100', target.appKey);
      expect(list.body.data as unknown[]).toHaveLength(1);
      const other = await call(
        'POST',
        '/v1/generations',
        target.appKey,
        { ...image, n: 2 },
        { 'idempotency-key': 'fifty' },
      );
      expect(other.status).toBe(422);
    }, 60_000);

    it('a job is followed without anybody waiting for it', async () => {
      const song = { model: 'replicate/meta/musicgen', input: 'a song', seconds: 1, wait: 0 };
      const made = await call('POST', '/v1/generations', target.appKey, song);
      expect(made.status).toBe(202);
      for (let tries = 0; tries < 200; tries++) {
        const now = await call('GET', `/v1/generations/${made.body.id}`, target.appKey);
        if (now.body.status === 'completed') {
          expect(now.body.receipt).toMatchObject({ status: 'priced' });
          return;
        }
        await new Promise((done) => setTimeout(done, 50));
      }
      throw new Error('The job did not end.');
    }, 30_000);

    it('a job can be canceled', async () => {
      const song = { model: 'replicate/meta/musicgen', input: 'a song', seconds: 20, wait: 0 };
      const made = await call('POST', '/v1/generations', target.appKey, song);
      const canceled = await call('POST', `/v1/generations/${made.body.id}/cancel`, target.appKey);
      expect(canceled.status, canceled.text).toBe(200);
      expect(['canceled', 'completed']).toContain(canceled.body.status);
    }, 30_000);
  });
}
