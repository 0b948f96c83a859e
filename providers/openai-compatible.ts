import {
  type DialectName,
  isObject,
  type Observed,
  type Provider,
  type ProviderRow,
  type TextPort,
} from '../src/contract/index.ts';
import { embeddingPort } from './shared/openai-embedding.ts';
import { readCompatibleUsage } from './shared/usage-compatible.ts';

const paths: Partial<Record<DialectName, string>> = {
  'openai-chat': '/chat/completions',
  'openai-responses': '/responses',
  'anthropic-messages': '/messages',
};

/**
 * Any upstream that speaks OpenAI's chat and embeddings (and what other dialects its row names) below its base URL.
 * Quirks read here: `paths` (dialect → path below the base URL), `headers` (fixed extra headers), `cost_usd` (the `cost` in its usage is
 * dollars). A row without a key sends none.
 */
export function openaiCompatible(row: ProviderRow): Provider {
  const own = isObject(row.quirks?.paths) ? row.quirks.paths : {};
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(isObject(row.quirks?.headers) ? row.quirks.headers : {})) {
    if (typeof value === 'string') headers[name] = value;
  }
  const text: TextPort = {};
  for (const dialect of row.dialects ?? ['openai-chat']) {
    const path = typeof own[dialect] === 'string' ? own[dialect] : paths[dialect];
    if (path === undefined)
      throw new RangeError(`${row.id}: an OpenAI-compatible upstream has no path for ${dialect}.`);
    text[dialect] = (call) => ({
      url: call.baseUrl + path,
      headers: {
        ...headers,
        ...(call.key ? { authorization: `Bearer ${call.key}` } : {}),
        'x-client-request-id': call.attemptId,
      },
    });
  }
  const readUsage = (observed: Observed) => readCompatibleUsage(observed, row.quirks?.cost_usd === true);
  return { id: row.id, text, media: { embedding: embeddingPort(row.id, readUsage) }, readUsage };
}
