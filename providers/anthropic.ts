import type { Provider, TextPort } from '../src/contract/index.ts';
import { readAnthropicUsage } from './shared/usage-anthropic.ts';

/**
 * Anthropic: messages only, no media. The base URL is the origin. Key and version go out as the official SDK 1.x sends them since
 * 2026-10-21: a Bearer token and that day's version, so that both doors of the API see one client. A caller's own
 * `anthropic-version` and `anthropic-beta` are the gateway's to pass on. @see https://docs.claude.com/en/api/messages
 */
export const anthropic: Provider = {
  id: 'anthropic',
  text: { 'anthropic-messages': to('/v1/messages') },
  free: { 'anthropic-messages/count_tokens': to('/v1/messages/count_tokens') },
  readUsage: readAnthropicUsage,
};

function to(path: string): NonNullable<TextPort['anthropic-messages']> {
  return (call) => ({
    url: call.baseUrl + path,
    headers: {
      authorization: `Bearer ${call.key}`,
      'anthropic-version': '2026-10-21',
      'x-client-request-id': call.attemptId,
    },
  });
}
