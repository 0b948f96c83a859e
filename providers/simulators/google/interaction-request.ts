import { at, isObject, type Json, type JsonObject, stringAt } from '../../../src/contract/index.ts';
import { countTokens } from '../text.ts';
import { fromBase64 } from './base64.ts';
import { Refused } from './errors.ts';

/** A video as asked for in an interaction, with the tokens that the asking took. */
export type AskedVideo = {
  prompt: string;
  seconds: number;
  resolution: string;
  ratio: string;
  inline: boolean;
  background: boolean;
  webhook?: string;
  counts: { text: number; image: number };
};

const known = new Set([
  ...['model', 'input', 'background', 'store', 'stream', 'response_format', 'generation_config', 'webhook_config'],
  ...['labels', 'previous_interaction_id', 'service_tier', 'response_modalities', 'system_instruction', 'tools'],
  ...['safety_settings', 'cached_content', 'response_mime_type', 'environment', 'continuation_token'],
]);
const heights: Record<string, number> = { '360p': 360, '720p': 720, '1080p': 1080, '4k': 2160 };
const ratios = ['16:9', '9:16'];
const tasks = ['text_to_video', 'image_to_video', 'reference_to_video', 'edit', 'extend', 'upscale'];
const unsupported = ['temperature', 'top_p', 'stop_sequences'];

/** The model of a request that this API serves. */
export const makesVideo = (model: string) => /^(models\/)?gemini-omni-./.test(model);

/** Reads a request as Gemini Omni takes it; refuses what it refuses. */
export function readVideoRequest(body: JsonObject): AskedVideo {
  for (const name of Object.keys(body)) if (!known.has(name)) throw bad(`Unknown parameter: '${name}'.`);
  const model = stringAt(body, 'model') ?? '';
  if (!makesVideo(model)) throw new Refused(404, `Model '${model}' was not found.`);
  for (const name of ['system_instruction', 'safety_settings', 'tools'])
    if (body[name] !== undefined) throw bad(`'${name}' is not supported by ${model}.`);
  const config = at(body, 'generation_config');
  for (const name of unsupported)
    if (at(config, name) !== undefined) throw bad(`'generation_config.${name}' is not supported by ${model}.`);
  const seed = at(config, 'seed');
  if (seed !== undefined && !Number.isInteger(seed)) throw bad("'generation_config.seed' must be an integer.");
  const task = at(config, 'video_config', 'task');
  if (task !== undefined && !tasks.includes(String(task))) throw bad(`Unknown video task: '${String(task)}'.`);
  if (body.background === true && body.store === false) throw bad("'background' needs 'store'.");

  const contents = readInput(body.input);
  const prompt = contents
    .flatMap((content) => (content.type === 'text' ? [String(content.text ?? '')] : []))
    .join('\n');
  const images = contents.filter((content) => content.type === 'image');
  if (task === 'image_to_video' && images.length === 0) throw bad('image_to_video needs an image.');
  const webhook = at(body, 'webhook_config', 'uris', 0);
  return {
    prompt,
    ...readFormat(body.response_format, model),
    background: body.background === true,
    ...(typeof webhook === 'string' ? { webhook } : {}),
    counts: { text: 1 + countTokens(prompt), image: images.length * 258 },
  };
}

/** Pixels of the video. */
export function sizeOf({ resolution, ratio }: AskedVideo): [number, number] {
  const short = heights[resolution] ?? 720;
  const long = (short * 16) / 9;
  return ratio === '9:16' ? [short, long] : [long, short];
}

/** Output tokens of a second of video. */
export function tokensPerSecond(resolution: string): number {
  return { '360p': 1903, '720p': 5792, '1080p': 8688, '4k': 17_376 }[resolution] ?? 5792;
}

function readInput(input: Json | undefined): JsonObject[] {
  if (typeof input === 'string') {
    if (input === '') throw bad("'input' must not be empty.");
    return [{ type: 'text', text: input }];
  }
  const list = Array.isArray(input) ? input : isObject(input) ? [input] : [];
  const contents = list.flatMap((entry) =>
    at(entry, 'type') === 'user_input' ? (at(entry, 'content') as Json[]) : [entry],
  );
  if (contents.length === 0) throw bad("'input' is required.");
  return contents.map((content, index) => {
    const type = stringAt(content, 'type');
    if (!isObject(content) || !['text', 'image', 'video'].includes(type ?? ''))
      throw bad(`Invalid value for 'input[${index}].type'.`);
    if (type === 'text' && typeof content.text !== 'string') throw bad(`'input[${index}].text' is required.`);
    if (type !== 'text' && content.uri === undefined) {
      const data = stringAt(content, 'data');
      if (!data || !fromBase64(data)) throw bad(`'input[${index}].data' is not base64.`);
      if (!stringAt(content, 'mime_type')?.startsWith(`${type}/`))
        throw bad(`Invalid value for 'input[${index}].mime_type'.`);
    }
    return content;
  });
}

function readFormat(
  given: Json | undefined,
  model: string,
): Pick<AskedVideo, 'seconds' | 'resolution' | 'ratio' | 'inline'> {
  const format = Array.isArray(given) ? given[0] : given;
  if (format !== undefined && stringAt(format, 'type') !== 'video') throw bad(`${model} makes videos only.`);
  const most = model.includes('1.1') || model.includes('preview') ? 10 : 15;
  const duration = at(format, 'duration') ?? '8s';
  const seconds = Number(/^(\d+(?:\.\d+)?)s$/.exec(String(duration))?.[1] ?? Number.NaN);
  if (typeof duration !== 'string' || Number.isNaN(seconds))
    throw bad(`Invalid duration: ${JSON.stringify(duration)}.`);
  if (seconds < 3 || seconds > most) throw bad(`'response_format.duration' must be between 3s and ${most}s.`);
  const resolution = stringAt(format, 'resolution') ?? '720p';
  if (!heights[resolution]) throw bad(`Invalid value for 'response_format.resolution': '${resolution}'.`);
  const ratio = stringAt(format, 'aspect_ratio') ?? '16:9';
  if (!ratios.includes(ratio)) throw bad(`Invalid value for 'response_format.aspect_ratio': '${ratio}'.`);
  const delivery = stringAt(format, 'delivery') ?? 'inline';
  if (delivery !== 'inline' && delivery !== 'uri') throw bad(`Invalid value for 'response_format.delivery'.`);
  return { seconds, resolution, ratio, inline: delivery === 'inline' };
}

function bad(message: string): Refused {
  return new Refused(400, message, 'invalid_request');
}
