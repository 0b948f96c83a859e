import type { JsonObject, MediaPort } from '../../src/contract/index.ts';
import { callerParams, present } from '../shared/params.ts';
import { deliver, readSound, soundPart } from './deliver.ts';
import { mediaTypeOfFormat, outputFormat } from './format.ts';
import { secondsOf } from './length.ts';
import { post } from './send.ts';

const owned = ['prompt', 'music_length_ms', 'model_id', 'force_instrumental', 'lyrics_text', 'output_format'];

/**
 * Music, 3 to 600 seconds. A `composition_plan` in `params` takes the place of the prompt and of what goes with it. A seed cannot be
 * given together with a prompt. https://elevenlabs.io/docs/api-reference/music/compose
 */
export const music: MediaPort<'music'> = {
  honours: () => ['prompt', 'seconds', 'lyrics', 'instrumental', 'format'],
  async submit(request, call) {
    const params = callerParams(request.params, owned);
    const planned = params.composition_plan !== undefined && params.composition_plan !== null;
    const asked = {
      prompt: request.prompt,
      music_length_ms: request.seconds === undefined ? undefined : Math.round(request.seconds * 1000),
      force_instrumental: request.instrumental,
      lyrics_text: request.lyrics,
    };
    const body = present({
      ...params,
      ...(planned ? { seed: request.seed } : asked),
      model_id: call.model,
    }) as JsonObject;
    const format = request.format === undefined ? undefined : outputFormat('music', request.format);
    const path = call.progress ? '/v1/music/stream' : '/v1/music';
    const response = await post(call, path, { output_format: format }, body);
    const mediaType = mediaTypeOfFormat(format);
    return deliver(response, call, { endpoint: 'music', modality: 'music', request: body }, [], async () => {
      const bytes = await readSound(response, call, mediaType);
      const seconds = secondsOf(bytes);
      return {
        outputs: [soundPart(bytes, mediaType)],
        ...(seconds === undefined ? {} : { response: { seconds } }),
      };
    });
  },
};
