import { type Dialect, isObject } from '../contract/index.ts';
import { readEvents } from './openai-chat/read-events.ts';
import { readRequest, writeRequest } from './openai-chat/request.ts';
import { readError, readResponse, writeError, writeResponse } from './openai-chat/response.ts';
import { scan, withoutUsage } from './openai-chat/scan.ts';
import { writeEvents } from './openai-chat/write-events.ts';

export { withoutUsage } from './openai-chat/scan.ts';

/** OpenAI Chat Completions, and the servers compatible with it: https://platform.openai.com/docs/api-reference/chat */
export const openaiChat: Dialect = {
  name: 'openai-chat',
  idPrefix: 'chatcmpl-',
  readRequest,
  writeRequest,
  readResponse,
  writeResponse,
  readEvents,
  writeEvents,
  readError,
  writeError,
  scan,
  trimFrames: (frames, request) =>
    isObject(request.stream_options) && request.stream_options.include_usage === true ? frames : withoutUsage(frames),
  forwardedHeaders: ['openai-beta'],
};
