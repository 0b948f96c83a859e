import type { Context } from 'hono';
import {
  type Dialect,
  GatewayError,
  isObject,
  type JsonObject,
  numberAt,
  type TextRequest,
} from '../contract/index.ts';
import { estimateTokens } from '../gateway/estimate.ts';
import { askFree, hasFree } from '../gateway/free.ts';
import type { Caller } from '../gateway/gateway.ts';
import { mayHoldSeals, sealerOf } from '../gateway/seal.ts';
import { unsealRequest } from '../gateway/unseal.ts';
import { errorAnswer, jsonAnswer } from './answer.ts';
import { readJson } from './body.ts';
import type { Doors } from './generations.ts';

/** Where a dialect counts tokens, and how it says the count. */
export type Counter = {
  dialect: Dialect;
  /** The provider's own endpoint, by its name in `Provider.free`. */
  endpoint: string;
  /** The answer's form for a count that its provider did not write itself. */
  write(tokens: number): JsonObject;
  /** The count in an answer. */
  read(answer: JsonObject): number | undefined;
  /** The generation request inside a count request. */
  request(body: JsonObject): JsonObject;
  /** A count request around a generation request. */
  around(request: JsonObject, model: string): JsonObject;
};

export function messagesCounter(dialect: Dialect): Counter {
  return {
    dialect,
    endpoint: 'anthropic-messages/count_tokens',
    write: (tokens) => ({ input_tokens: tokens }),
    read: (answer) => numberAt(answer, 'input_tokens'),
    request: (body) => ({ max_tokens: 1, ...body }),
    around: ({ max_tokens: _, stream: __, ...request }) => request,
  };
}

export function geminiCounter(dialect: Dialect): Counter {
  return {
    dialect,
    endpoint: 'gemini/countTokens',
    write: (tokens) => ({ totalTokens: tokens }),
    read: (answer) => numberAt(answer, 'totalTokens'),
    request: (body) => (isObject(body.generateContentRequest) ? body.generateContentRequest : body),
    around: (request, model) => ({ generateContentRequest: { model: `models/${model}`, ...request } }),
  };
}

/** Counts a request's tokens: by the provider where it can, in its own words or ours, else estimated and flagged so. */
export async function countTokens(
  doors: Doors,
  c: Context,
  caller: Caller,
  counter: Counter,
  asked: string,
  body: JsonObject,
): Promise<Response> {
  const { dialect, endpoint } = counter;
  const model = doors.gateway.directory.resolve(asked, 'text');
  const read = () => dialect.readRequest(counter.request(body), { model: model.upstream, stream: false });
  if (hasFree(doors.gateway, model, endpoint)) {
    let sent = 'model' in body ? { ...body, model: model.upstream } : body;
    if (mayHoldSeals(JSON.stringify(body))) {
      // State of other providers must not reach this one, and its own must come back as it made it.
      const { request } = await unsealRequest(read(), dialect.name, sealerOf(caller.book), body);
      sent = counter.around(dialect.writeRequest({ ...request, model: model.upstream }).body, model.upstream);
    }
    return jsonAnswer(c, await askFree(doors.gateway, model, endpoint, sent));
  }
  const request = read();
  const { 'anthropic-messages': messages, gemini } = doors.gateway.dialects;
  const other = [messagesCounter(messages), geminiCounter(gemini)].find((one) =>
    hasFree(doors.gateway, model, one.endpoint),
  );
  if (other) {
    const unsealed = await unsealRequest(request, dialect.name, sealerOf(caller.book), body);
    const sent = other.dialect.writeRequest({ ...unsealed.request, model: model.upstream, stream: undefined }).body;
    const answer = await askFree(doors.gateway, model, other.endpoint, other.around(sent, model.upstream));
    const tokens = other.read(answer);
    if (tokens !== undefined) return jsonAnswer(c, counter.write(tokens));
  }
  return jsonAnswer(c, counter.write(estimateTokens(charactersOf(request))), 200, {
    'x-atelier-warnings': `${model.provider} cannot count tokens: this is an estimate.`,
  });
}

function charactersOf(request: TextRequest): number {
  return JSON.stringify([request.messages, request.tools ?? []]).length;
}

/** `POST /v1/messages/count_tokens` */
export function messagesCountDoor(doors: Doors, dialect: Dialect) {
  const counter = messagesCounter(dialect);
  return async function answerCount(c: Context): Promise<Response> {
    try {
      const caller = await doors.authenticator.caller(c);
      const { body } = await readJson(c);
      if (typeof body.model !== 'string') {
        throw new GatewayError('invalid_request', { message: 'model is required.', param: 'model' });
      }
      return await countTokens(doors, c, caller, counter, body.model, body);
    } catch (thrown) {
      return errorAnswer(thrown, undefined, dialect);
    }
  };
}

/** `POST /v1/moderations`: OpenAI's, free of charge. */
export function moderationDoor(doors: Doors, dialect: Dialect) {
  return async function answerModeration(c: Context): Promise<Response> {
    try {
      await doors.authenticator.caller(c);
      const { body } = await readJson(c);
      const asked = typeof body.model === 'string' ? body.model : 'omni-moderation-latest';
      const provider = [...doors.gateway.upstreams.values()].find((one) => one.provider.free?.moderations);
      if (!provider) throw new GatewayError('provider_not_configured', 'No configured provider moderates.');
      const upstream = asked.replace(`${provider.row.id}/`, '');
      const model = {
        id: `${provider.row.id}/${upstream}`,
        provider: provider.row.id,
        upstream,
        modality: 'text',
      } as const;
      return jsonAnswer(c, await askFree(doors.gateway, model, 'moderations', { ...body, model: upstream }));
    } catch (thrown) {
      return errorAnswer(thrown, undefined, dialect);
    }
  };
}
