import type { Dialect } from '../contract/index.ts';
import { readError, writeError } from './gemini/errors.ts';
import { readEvents, scan, writeEvents } from './gemini/events.ts';
import { readRequest, writeRequest } from './gemini/request.ts';
import { readResponse, writeResponse } from './gemini/response.ts';

/** Google's generateContent, the same words on v1 and v1beta. https://ai.google.dev/api/generate-content */
export const gemini: Dialect = {
  name: 'gemini',
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
