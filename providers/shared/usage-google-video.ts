import { at, type Json, numberAt, type Observed, stringAt, type Usage } from '../../src/contract/index.ts';
import { firstFigure, firstWord } from './asked.ts';
import { Leaves, split, trusted } from './leaves.ts';

/** Usage of a Google video: an interaction's own figures, or what Veo's request and answer tell. */
export function readGoogleVideoUsage(observed: Observed): Usage | undefined {
  const { usage, endpoint, model } = observed;
  const interaction = /omni/.test(model) || endpoint === 'interactions' || at(usage, 'total_tokens') !== undefined;
  return interaction ? readInteraction(observed) : readVeo(observed);
}

/**
 * Gemini Omni: input and words by tokens, the video by its seconds, which is how its price is published. The tokens that it reports for
 * the video only prove that one was made.
 */
function readInteraction({ usage, request, response }: Observed): Usage | undefined {
  const leaves = new Leaves();
  const input = numberAt(usage, 'total_input_tokens');
  const output = numberAt(usage, 'total_output_tokens');
  const video = tokensOf(usage, 'output', 'video');
  const made = firstFigure(response, 'videos') ?? (video > 0 ? 1 : 0);
  let consistent = true;
  if (input !== undefined) {
    const kinds = split(input, [tokensOf(usage, 'input', 'image'), tokensOf(usage, 'input', 'video')]);
    leaves.add('input_text_tokens', kinds.rest);
    leaves.add('input_image_tokens', kinds.parts[0]).add('input_video_tokens', kinds.parts[1]);
    consistent &&= kinds.consistent;
  }
  if (output !== undefined) {
    const kinds = split(output, [video]);
    leaves.add('output_text_tokens', kinds.rest + (numberAt(usage, 'total_thought_tokens') ?? 0));
    consistent &&= kinds.consistent;
  }
  if (made > 0) {
    const seconds = secondsOf(request);
    const resolution = (firstWord(request, 'resolution', 'response_format.resolution') ?? '720p').toLowerCase();
    const dims = { resolution, audio: 'true' };
    leaves.add('output_video_seconds', seconds === undefined ? undefined : seconds * made, { dims });
    // Nothing of the request is there to tell the length: the tokens are all that is known.
    if (seconds === undefined && video > 0) leaves.add('output_video_tokens', video, { dims });
  }
  const raw = usage ?? undefined;
  if (usage === undefined) return leaves.usage('derived');
  const { source, basis } = trusted(consistent);
  return leaves.usage(source, { raw, basis });
}

/** `8`, "8" or a protobuf duration such as "8s". */
function secondsOf(request: Json | undefined): number | undefined {
  const figure = firstFigure(request, 'seconds', 'duration');
  if (figure !== undefined) return figure;
  const format = at(request, 'response_format');
  const duration = stringAt(Array.isArray(format) ? format[0] : format, 'duration') ?? stringAt(request, 'duration');
  const seconds = Number.parseFloat(duration ?? '');
  return Number.isFinite(seconds) ? seconds : undefined;
}

function tokensOf(usage: Json | undefined, side: 'input' | 'output', kind: string): number {
  const details = at(usage, `${side}_tokens_by_modality`);
  if (!Array.isArray(details)) return 0;
  return details.reduce<number>(
    (sum, entry) =>
      stringAt(entry, 'modality')?.toLowerCase() === kind ? sum + (numberAt(entry, 'tokens') ?? 0) : sum,
    0,
  );
}

/** What Veo makes unasked. https://ai.google.dev/gemini-api/docs/video */
const veoSeconds = 8;

/** Veo carries no usage: seconds and number of the videos made, else asked for. Since Veo 3 sound comes with it unless declined. */
function readVeo({ model, usage, request, response }: Observed): Usage | undefined {
  const told = firstFigure(request, 'durationSeconds', 'duration', 'seconds', 'parameters.durationSeconds');
  const seconds = told ?? (request === undefined ? undefined : veoSeconds);
  const made = at(response, 'generatedVideos') ?? at(response, 'generateVideoResponse', 'generatedSamples');
  const asked = firstFigure(request, 'numberOfVideos', 'sampleCount', 'parameters.sampleCount') ?? 1;
  const count = Array.isArray(made) ? made.length : typeof made === 'number' ? made : asked;
  const sound = firstWord(request, 'generateAudio', 'parameters.generateAudio');
  const audio = sound ?? (/^veo-[12]\b/.test(model) ? undefined : 'true');
  const resolution = (firstWord(request, 'resolution', 'parameters.resolution') ?? '720p').toLowerCase();
  const dims = { resolution, ...(audio === undefined ? {} : { audio }) };
  const leaves = new Leaves();
  leaves.add('output_video_seconds', seconds === undefined ? undefined : seconds * count, { dims });
  return leaves.usage('derived', { raw: usage });
}
