import { isObject, type JsonObject } from '../../../src/contract/index.ts';

const ratios = ['1:1', '16:9', '9:16', '4:3', '3:4', '21:9', '9:21'];
const models: Record<string, string[]> = { video: ['ray-2', 'ray-flash-2'], image: ['photon-1', 'photon-flash-1'] };

/** What is wrong with a request for a generation, in Luma's one sentence; undefined where nothing is. */
export function checkGeneration(kind: 'video' | 'image', body: JsonObject): string | undefined {
  if (!models[kind]?.includes(String(body.model))) return `Invalid model, expected one of ${models[kind]?.join(', ')}`;
  if (body.generation_type !== undefined && body.generation_type !== kind) return 'Invalid generation_type';
  if (body.aspect_ratio !== undefined && !ratios.includes(String(body.aspect_ratio))) return 'Invalid aspect_ratio';
  if (body.callback_url !== undefined && !isUrl(body.callback_url)) return 'callback_url must be a URL';
  return kind === 'video' ? checkVideo(body) : checkImage(body);
}

function checkVideo(body: JsonObject): string | undefined {
  const { keyframes, prompt, resolution, duration, loop } = body;
  if (resolution !== undefined && !['540p', '720p', '1080p', '4k'].includes(String(resolution)))
    return 'Invalid resolution';
  if (duration !== undefined && !['5s', '9s'].includes(String(duration))) return 'Invalid duration';
  if (loop !== undefined && typeof loop !== 'boolean') return 'loop must be a boolean';
  if (keyframes === undefined) return sayPrompt(prompt);
  if (!isObject(keyframes)) return 'keyframes must be an object';
  for (const [name, frame] of Object.entries(keyframes)) {
    if (name !== 'frame0' && name !== 'frame1') return `Invalid keyframe ${name}`;
    const known =
      isObject(frame) && (frame.type === 'image' ? isUrl(frame.url) : frame.type === 'generation' && frame.id);
    if (!known) return `Keyframe ${name} must be an image with a URL or a generation with an id`;
  }
  return prompt === undefined ? undefined : sayPrompt(prompt);
}

function checkImage(body: JsonObject): string | undefined {
  if (body.format !== undefined && body.format !== 'jpg' && body.format !== 'png') return 'Invalid format';
  for (const name of ['image_ref', 'style_ref']) {
    const references = body[name];
    if (references === undefined) continue;
    if (!Array.isArray(references) || references.length > 4) return `${name} must be a list of up to 4`;
    if (references.some((one) => !isObject(one) || !isUrl(one.url))) return `${name} must hold URLs`;
  }
  const changed = body.modify_image_ref;
  if (changed !== undefined && !(isObject(changed) && isUrl(changed.url))) return 'modify_image_ref must hold a URL';
  return sayPrompt(body.prompt);
}

function sayPrompt(prompt: unknown): string | undefined {
  if (typeof prompt !== 'string' || prompt.length < 3) return 'Prompt is too short, minimum length is 3 characters';
  return prompt.length > 5000 ? 'Prompt is too long, maximum length is 5000 characters' : undefined;
}

function isUrl(value: unknown): boolean {
  return typeof value === 'string' && /^https?:\/\//.test(value) && URL.canParse(value);
}
