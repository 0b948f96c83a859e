import { type Call, GatewayError, type Json, type Provider, stringAt } from '../../src/contract/index.ts';
import { type Ask, exchange } from '../shared/job-exchange.ts';

/** The version of the API that this adapter speaks. https://docs.dev.runwayml.com/api-details/versioning/ */
const version = '2024-11-06';

/** Runway says "not enough credits" with a plain 400. */
export function isQuotaExhausted(status: number, body: Json): boolean {
  const said = stringAt(body, 'error') ?? (typeof body === 'string' ? body : '');
  return (
    status === 402 || (status >= 400 && status < 500 && /(not( have)? enough|insufficient|out of) credits/i.test(said))
  );
}

const answerer: Pick<Provider, 'id' | 'isQuotaExhausted'> = { id: 'runway', isQuotaExhausted };

/** One request to Runway, sent once. `path` begins with a slash; the base URL's own `/v1` may be there or not. */
export async function ask(call: Call, path: string, what: Omit<Ask, 'url' | 'headers'>): Promise<Json | undefined> {
  const headers = { authorization: `Bearer ${call.key}`, 'x-runway-version': version, accept: 'application/json' };
  const base = call.baseUrl.replace(/\/v1$/, '');
  try {
    return await exchange(call, answerer, { ...what, url: `${base}/v1${path}`, headers });
  } catch (thrown) {
    throw thrown instanceof GatewayError ? withParam(thrown) : thrown;
  }
}

/** The field that Runway's validation names first. */
function withParam(error: GatewayError): GatewayError {
  const path = (error.details.raw as { issues?: { path?: unknown }[] } | undefined)?.issues?.[0]?.path;
  if (!Array.isArray(path) || path.length === 0) return error;
  return new GatewayError(error.code, { ...error.details, param: path.join('.') });
}
