import type { Dialect } from '../contract/index.ts';
import { readError, writeError } from './anthropic-messages/errors.ts';
import { readEvents, scan, writeEvents } from './anthropic-messages/events.ts';
import { readRequest, refuseThread, writeRequest } from './anthropic-messages/request.ts';
import { readResponse, writeResponse } from './anthropic-messages/response.ts';

/** Anthropic's Messages API, anthropic-version 2026-10-21. https://platform.claude.com/docs/en/api/messages */
export const anthropicMessages: Dialect = {
  name: 'anthropic-messages',
  idPrefix: 'msg_',
  readRequest,
  writeRequest,
  readResponse,
  writeResponse,
  readEvents,
  writeEvents,
  readError,
  writeError,
  scan,
  refuse: refuseThread,
  forwardedHeaders: ['anthropic-version', 'anthropic-beta'],
};
