import { type HttpHandler, http } from 'msw';
import type { Simulator } from './simulator.ts';

/**
 * msw handlers that answer a vendor's real address from its simulator: `setupServer(...handlers(openai(), 'https://api.openai.com'))`.
 * Files that a simulator delivers (replicate) lie under its `publicUrl`: make it with the same origin. A simulated reset is a failed
 * fetch here; a stream that breaks half-way needs the injected fetch or the server.
 */
export function handlers(simulator: Simulator, origin: string): HttpHandler[] {
  return [
    http.all(`${origin}/*`, async ({ request }) => {
      try {
        return await simulator.fetch(request);
      } catch {
        return Response.error();
      }
    }),
  ];
}
