import type { JsonObject } from '../../../src/contract/index.ts';
import { toBase64 } from '../base64.ts';
import { png } from '../media/index.ts';
import { stableHex } from '../simulator.ts';
import { countTokens } from '../text.ts';
import { fromBase64 } from './base64.ts';
import { blobsOf, type Content, textOf } from './contents.ts';
import { invalid } from './errors.ts';
import type { MadeCandidate, MadePart } from './made.ts';
import { pixelSize } from './media-length.ts';
import { generationOf } from './models.ts';
import { type GenerateBody, thinks } from './request.ts';
import { sign } from './signature.ts';

/** Pixels at 1K by ratio; 512 halves, 2K doubles, 4K quadruples: https://ai.google.dev/gemini-api/docs/image-generation. */
const sizes: Record<string, [number, number]> = {
  '1:1': [1024, 1024],
  '2:3': [848, 1264],
  '3:2': [1264, 848],
  '3:4': [896, 1200],
  '4:3': [1200, 896],
  '4:5': [928, 1152],
  '5:4': [1152, 928],
  '9:16': [768, 1376],
  '16:9': [1376, 768],
  '21:9': [1584, 672],
};
const extremeSizes: Record<string, [number, number]> = {
  '1:4': [512, 2048],
  '4:1': [2048, 512],
  '1:8': [384, 3072],
  '8:1': [3072, 384],
};
const olderSizes: Record<string, [number, number]> = {
  '1:1': [1024, 1024],
  '2:3': [832, 1248],
  '3:2': [1248, 832],
  '3:4': [864, 1184],
  '4:3': [1184, 864],
  '4:5': [896, 1152],
  '5:4': [1152, 896],
  '9:16': [768, 1344],
  '16:9': [1344, 768],
  '21:9': [1536, 672],
};

type Family = { sizes: Record<string, [number, number]>; tokens: Record<string, number> };

/** What a model draws, and the output tokens of one picture: https://ai.google.dev/gemini-api/docs/pricing. */
function familyOf(model: string): Family {
  if (/-pro-image|banana-pro/.test(model)) return { sizes, tokens: { '1K': 1120, '2K': 1120, '4K': 2000 } };
  if (generationOf(model) >= 3 || model.includes('nano-banana-2'))
    return { sizes: { ...sizes, ...extremeSizes }, tokens: { '512': 747, '1K': 1120, '2K': 1680, '4K': 2520 } };
  return { sizes: olderSizes, tokens: { '1K': 1290 } };
}

const scales: Record<string, number> = { '512': 0.5, '1K': 1, '2K': 2, '4K': 4 };

/** A picture of the asked ratio and size, with a line of text where that was asked for too. */
export function makeImage(body: GenerateBody, model: string, seed: string, id: string): MadeCandidate {
  const config = body.generationConfig ?? {};
  const asked = config.responseModalities ?? ['TEXT', 'IMAGE'];
  const contents = body.contents ?? [];
  const inputs = blobsOf(contents, 'image/');
  const prompt = textOf(contents.findLast((content) => content.role !== 'model'));
  if (prompt.includes('[[safety]]'))
    return { parts: [], finishReason: 'IMAGE_SAFETY', finishMessage: 'Unable to show the generated image.' };

  const family = familyOf(model);
  const size = config.imageConfig?.imageSize ?? '1K';
  const tokens = family.tokens[size];
  if (!tokens) throw invalid(`image_size must be one of ${Object.keys(family.tokens).join(', ')}.`);
  const ratio = config.imageConfig?.aspectRatio ?? nearestRatio(contents, family);
  const pixels = family.sizes[ratio];
  if (!pixels) throw invalid(`aspect_ratio must be one of ${Object.keys(family.sizes).join(', ')}.`);
  const [width, height] = pixels.map((length) => length * (scales[size] ?? 1)) as [number, number];

  const parts: MadePart[] = [];
  if (thinks(config, model)) {
    const text = `The user wants: ${prompt.slice(0, 80)} I plan the composition.`;
    const hidden = !config.thinkingConfig?.includeThoughts;
    parts.push({ part: { text, thought: true }, modality: 'TEXT', tokens: countTokens(text), thought: true, hidden });
  }
  if (asked.includes('TEXT')) {
    const text = inputs.length > 0 ? 'Here is the edited image.' : 'Here is the image.';
    parts.push({ part: { text }, modality: 'TEXT', tokens: countTokens(text) });
  }
  const material = [seed, model, prompt, ...inputs.map((blob) => stableHex(blob.data ?? ''))].join('|');
  const data = toBase64(png({ width, height, seed: material }));
  const signature: JsonObject = generationOf(model) >= 3 ? { thoughtSignature: sign(seed, 'image', id) } : {};
  parts.push({ part: { inlineData: { mimeType: 'image/png', data }, ...signature }, modality: 'IMAGE', tokens });
  return { parts, finishReason: 'STOP' };
}

/** An edit keeps the shape of its last input as nearly as the model can. */
function nearestRatio(contents: Content[], family: Family): string {
  const last = blobsOf(contents, 'image/').at(-1);
  const size = last && pixelSize(fromBase64(last.data ?? '') ?? new Uint8Array());
  if (!size || size.height === 0) return '1:1';
  const shape = (width: number, height: number) => (width > height ? width / height : -height / width);
  const wanted = shape(size.width, size.height);
  const distance = ([, [width, height]]: [string, [number, number]]) => Math.abs(shape(width, height) - wanted);
  return Object.entries(family.sizes).sort((one, other) => distance(one) - distance(other))[0]?.[0] ?? '1:1';
}
