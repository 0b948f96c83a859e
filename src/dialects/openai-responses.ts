import { type Dialect, isObject, type Json, type StreamScan } from '../contract/index.ts';
import { readError, writeError } from './openai-chat/response.ts';
import { readEvents } from './openai-responses/read-events.ts';
import { readRequest, writeRequest } from './openai-responses/request.ts';
import { readResponse, writeResponse } from './openai-responses/response.ts';
import { writeEvents } from './openai-responses/write-events.ts';

const ends = /"type"\s*:\s*"(?:response\.(?:completed|incomplete|failed)|error)"/;

/** What comes before only announces the answer and its empty items. */
const says = /"type"\s*:\s*"response\.(?:[a-z_.]+\.delta|output_item\.done|completed|incomplete|failed)"/;

/** The last events carry the whole response, and with it usage, `tool_usage` and the service tier that was used. */
const scan: StreamScan = {
  interesting: (data) => ends.test(data),
  usage: (frame, before) => usageIn(isObject(frame) ? frame.response : undefined) ?? before,
  terminal: (data) =>
    /^\s*\{\s*"type"\s*:\s*"response\.(?:completed|incomplete|failed)"/.test(data) || isTerminal(data),
  error: (frame) => {
    if (!isObject(frame)) return undefined;
    if (frame.type === 'error') return frame;
    return frame.type === 'response.failed' && isObject(frame.response) ? (frame.response.error ?? frame) : undefined;
  },
  usageOfBody: usageIn,
  begins: (data) => says.test(data),
};

/** For servers that do not write `type` first: only frames that name an end are parsed. */
function isTerminal(data: string): boolean {
  if (!ends.test(data)) return false;
  try {
    const frame = JSON.parse(data) as Json;
    const type = isObject(frame) ? frame.type : undefined;
    return type === 'response.completed' || type === 'response.incomplete' || type === 'response.failed';
  } catch {
    return false;
  }
}

function usageIn(response: Json | undefined): Json | undefined {
  return isObject(response) && isObject(response.usage) ? response.usage : undefined;
}

/** OpenAI Responses: https://platform.openai.com/docs/api-reference/responses */
export const openaiResponses: Dialect = {
  name: 'openai-responses',
  idPrefix: 'resp_',
  readRequest,
  writeRequest,
  readResponse,
  writeResponse,
  readEvents,
  writeEvents,
  readError,
  writeError,
  scan,
};
