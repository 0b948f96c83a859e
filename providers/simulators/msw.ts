import { type HttpHandler, http } from 'msw';
import type { Simulator } from './simulator.ts';

/**
 * msw handlers that answer a vendor's real addresses from its simulator: `setupServer(...handlers(openai(), 'https://api.openai.com'))`.
 * Files that a simulator delivers lie under its `publicUrl`, `https://<id>.simulator.invalid` unless told otherwise: they are answered too.
 * A simulated reset is a failed fetch here; a stream that breaks half-way needs the injected fetch or the server.
 */
export function handlers(simulator: Simulator, ...origins: string[]): HttpHandler[] {
  return [...origins, `https://${simulator.id}.simulator.invalid`].map((origin) =>
    http.all(`${origin}/*`, async ({ request }) => {
      try {
        return await simulator.fetch(request);
      } catch {
        return Response.error();
      }
    }),
  );
}
