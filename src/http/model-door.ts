import type { Context } from 'hono';
import { GatewayError, isModality, type Model, type Price } from '../contract/index.ts';
import { errorAnswer, jsonAnswer } from './answer.ts';
import type { Doors } from './generations.ts';
import { viewAnthropic, viewGemini, viewModel } from './model-view.ts';
import { refused } from './refuse.ts';

/** Which SDK asks, told by what only that SDK sends. */
type Shape = 'openai-chat' | 'anthropic-messages' | 'gemini';

/** `GET /v1|v1beta/models` and `…/models/{id}`: what can be made, by whom, at what price; each SDK in its own list shape. */
export function modelDoor({ gateway, authenticator }: Doors, prices: readonly Price[]) {
  const writers = {
    'openai-chat': (model: Model) => viewModel(model, gateway.upstreams.get(model.provider), prices),
    'anthropic-messages': viewAnthropic,
    gemini: viewGemini,
  };
  return async function answerModels(c: Context): Promise<Response> {
    const path = new URL(c.req.url).pathname;
    const shape = shapeOf(c, path);
    const write = writers[shape];
    try {
      await authenticator.callerOrAdmin(c);
      const id = decoded(path.replace(/^\/v1(?:beta)?\/models\/?/, ''));
      if (id !== '') {
        const model = gateway.directory.find(id);
        if (!model)
          throw new GatewayError('model_not_found', { message: `No model is called "${id}".`, param: 'model' });
        return jsonAnswer(c, write(model));
      }
      const wanted = c.req.query('modality');
      if (wanted && !isModality(wanted)) throw refused('modality', `modality "${wanted}" is not known.`);
      const listed = gateway.directory.list().filter((model) => !wanted || model.modality === wanted);
      // The text SDKs' own lists hold what their doors can call.
      const callable = listed.filter((model) => ['text', 'embedding'].includes(model.modality));
      if (shape === 'gemini') return jsonAnswer(c, { models: callable.map(write) });
      if (shape === 'openai-chat') return jsonAnswer(c, { object: 'list', data: listed.map(write) });
      const data = callable.map(write);
      const idOf = (place: number) => data.at(place)?.id ?? null;
      return jsonAnswer(c, { data, has_more: false, first_id: idOf(0), last_id: idOf(-1) });
    } catch (thrown) {
      return errorAnswer(thrown, undefined, shape === 'openai-chat' ? undefined : gateway.dialects[shape]);
    }
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function shapeOf(c: Context, path: string): Shape {
  if (c.req.header('anthropic-version')) return 'anthropic-messages';
  if (path.startsWith('/v1beta/') || c.req.header('x-goog-api-key') || c.req.query('key')) return 'gemini';
  return 'openai-chat';
}
