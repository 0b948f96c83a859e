import { type HttpHandler, http } from 'msw';
import type { Simulator } from './simulator.ts';

/** msw handlers that answer a vendor's real address from its simulator: `setupServer(...handlers(openai(), 'https://api.openai.com'))`. */
export function handlers(simulator: Simulator, origin: string): HttpHandler[] {
  return [http.all(`${origin}/*`, ({ request }) => simulator.fetch(request))];
}
