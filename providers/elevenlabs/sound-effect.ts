import type { JsonObject, MediaPort } from '../../src/contract/index.ts';
import { callerParams, present } from '../shared/params.ts';
import { deliverSound } from './deliver.ts';
import { mediaTypeOfFormat, outputFormat } from './format.ts';
import { post } from './send.ts';

/** Sound effects, 0.5 to 30 seconds. https://elevenlabs.io/docs/api-reference/text-to-sound-effects/convert */
export const soundEffect: Pick<MediaPort<'sound_effect'>, 'submit'> = {
  async submit(request, call) {
    const body = present({
      ...callerParams(request.params, ['text', 'duration_seconds', 'model_id', 'output_format']),
      text: request.prompt,
      duration_seconds: request.seconds,
      model_id: call.model,
    }) as JsonObject;
    const format = request.format === undefined ? undefined : outputFormat('sound effects', request.format);
    const response = await post(call, '/v1/sound-generation', { output_format: format }, body);
    const asked = { endpoint: 'sound-generation', modality: 'sound_effect', request: body } as const;
    return deliverSound(response, call, asked, mediaTypeOfFormat(format));
  },
};
