import { GatewayError, type JsonObject, type MediaPort } from '../../src/contract/index.ts';
import { callerParams, present } from '../shared/params.ts';
import { deliverSound } from './deliver.ts';
import { mediaTypeOfFormat, outputFormat } from './format.ts';
import { post } from './send.ts';

const owned = ['prompt', 'music_length_ms', 'model_id', 'force_instrumental', 'lyrics_text', 'output_format'];

/**
 * Music, 3 to 600 seconds. A `composition_plan` in `params` takes the place of the prompt and of what goes with it; together with
 * `seconds`, by which quotes and budgets go, it is refused. A seed cannot be given together with a prompt.
 * https://elevenlabs.io/docs/api-reference/music/compose
 */
export const music: Pick<MediaPort<'music'>, 'submit'> = {
  async submit(request, call) {
    const params = callerParams(request.params, owned);
    const planned = params.composition_plan !== undefined && params.composition_plan !== null;
    if (planned && request.seconds !== undefined) {
      const message = 'A composition_plan has a length of its own: seconds cannot be given together with it.';
      const param = 'params.composition_plan';
      throw new GatewayError('invalid_request', { message, param, failure: 'A', billing: 'none' });
    }
    const prompted = {
      prompt: request.prompt,
      music_length_ms: request.seconds === undefined ? undefined : Math.round(request.seconds * 1000),
      force_instrumental: request.instrumental,
      lyrics_text: request.lyrics,
    };
    const body = present({
      ...params,
      ...(planned ? { seed: request.seed } : prompted),
      model_id: call.model,
    }) as JsonObject;
    const format = request.format === undefined ? undefined : outputFormat('music', request.format);
    const path = call.progress ? '/v1/music/stream' : '/v1/music';
    const response = await post(call, path, { output_format: format }, body);
    const asked = { endpoint: 'music', modality: 'music', request: body } as const;
    return deliverSound(response, call, asked, mediaTypeOfFormat(format));
  },
};
