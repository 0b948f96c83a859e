import type { Context } from 'hono';
import { at, type Dialect, type EmbeddingRequest, GatewayError, type Json, stringAt } from '../contract/index.ts';
import { newTrace } from '../gateway/gateway.ts';
import { aboutOf } from './about.ts';
import { errorAnswer, jsonAnswer, traceHeaders } from './answer.ts';
import { readJson } from './body.ts';
import { countTokens, geminiCounter } from './count-doors.ts';
import { embed } from './embedding-door.ts';
import type { Doors } from './generations.ts';
import { textAnswers, textDoor } from './text-door.ts';
import { wishesOf } from './wishes.ts';

/** `POST /v1|v1beta/models/{model}:{method}`: Gemini's doors, any text or embedding model behind them. */
export function geminiDoor(doors: Doors, dialect: Dialect) {
  const counter = geminiCounter(dialect);
  const answerText = textAnswers(doors.gateway, doors.authenticator, dialect, (c: Context) => {
    const { model, method } = placeOf(c);
    return { model, stream: method === 'streamGenerateContent' };
  });
  const text = textDoor(answerText, doors.lifetimeOf);

  return async function answerGemini(c: Context): Promise<Response> {
    const trace = newTrace();
    try {
      const { model, method } = placeOf(c);
      if (method === 'generateContent') return await text(c);
      if (method === 'streamGenerateContent') {
        const answer = await text(c);
        return c.req.query('alt') === 'sse' || !answer.ok ? answer : asArray(answer);
      }
      const caller = await doors.authenticator.caller(c);
      const { body } = await readJson(c);
      if (method === 'countTokens') return await countTokens(doors, c, caller, counter, model, body);
      if (method !== 'embedContent' && method !== 'batchEmbedContents') {
        throw new GatewayError('not_found', `There is no method "${method}".`);
      }
      const requests = method === 'embedContent' ? [body] : body.requests;
      if (!Array.isArray(requests) || requests.length === 0) {
        throw new GatewayError('invalid_request', { message: 'requests is required.', param: 'requests' });
      }
      const first = requests[0];
      const dimensions = at(first, 'outputDimensionality');
      const task = stringAt(first, 'taskType');
      for (const name of ['outputDimensionality', 'taskType']) {
        if (requests.some((one) => at(one, name) !== at(first, name))) {
          throw new GatewayError('invalid_request', { message: `${name} is the same in all requests.`, param: name });
        }
      }
      const request: EmbeddingRequest = {
        modality: 'embedding',
        input: requests.map(textOf),
        ...(typeof dimensions === 'number' ? { dimensions } : {}),
        ...(task ? { task } : {}),
      };
      const { vectors } = await embed(doors, caller, trace, model, request, await aboutOf(c, caller, {}), wishesOf(c));
      const embeddings = vectors.map((values) => ({ values }));
      const answer = method === 'embedContent' ? { embedding: embeddings[0] } : { embeddings };
      return jsonAnswer(c, answer, 200, traceHeaders(trace));
    } catch (thrown) {
      return errorAnswer(thrown, trace, dialect);
    }
  };
}

/** The model and method of a path such as /v1beta/models/openai/gpt-5.5:generateContent. */
function placeOf(c: Context): { model: string; method: string } {
  const path = plainPath(new URL(c.req.url).pathname);
  const match = /^\/v1(?:beta)?\/models\/(.+):([A-Za-z]+)$/.exec(path);
  if (!match) throw new GatewayError('not_found', `There is no POST ${path}.`);
  return { model: match[1]!, method: match[2]! };
}

function plainPath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function textOf(request: Json): string {
  const parts = at(request, 'content', 'parts');
  const text = Array.isArray(parts) ? parts.map((part) => stringAt(part, 'text') ?? '').join('') : '';
  if (text === '')
    throw new GatewayError('invalid_request', { message: 'content.parts has no text.', param: 'content' });
  return text;
}

/** The stream as one JSON array, which is what Gemini sends without `alt=sse`. */
function asArray(answer: Response): Response {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let kept = '';
  let count = 0;
  const frames = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      kept += decoder.decode(chunk, { stream: true });
      const whole = kept.split(/\r?\n\r?\n/);
      kept = whole.pop() ?? '';
      for (const frame of whole) {
        // comments have no place in an array
        if (!/^data:/m.test(frame)) continue;
        const data = frame.replace(/^data: ?/gm, '').trim();
        if (data) controller.enqueue(encoder.encode(`${count++ === 0 ? '[' : ',\r\n'}${data}`));
      }
    },
    flush(controller) {
      controller.enqueue(encoder.encode(count === 0 ? '[]' : ']'));
    },
  });
  const headers = new Headers(answer.headers);
  headers.set('content-type', 'application/json; charset=UTF-8');
  return new Response(answer.body!.pipeThrough(frames), { status: answer.status, headers });
}
