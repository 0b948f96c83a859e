import { serve } from '@hono/node-server';
import { Hono } from 'hono';

/** What the gateway is measured against: Hono and the global fetch, bytes passed on. No keys, no metering, no ledger. */
const upstream = process.env.UPSTREAM ?? '';
const app = new Hono();

app.get('/healthz', (c) => c.text('ok'));
app.post('/v1/*', async (c) => {
  const answer = await fetch(upstream + c.req.path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer bare' },
    body: await c.req.text(),
  });
  return new Response(answer.body, { status: answer.status, headers: answer.headers });
});

serve({ fetch: app.fetch, port: Number(process.env.PORT), hostname: '127.0.0.1' });
