import { type JsonObject, stringAt } from '../../../src/contract/index.ts';
import type { Charge } from '../bill.ts';
import { jpeg, mp3, mp4, musicPcm, png, speechPcm, wav, webp } from '../media/index.ts';
import { hash32 } from '../seed.ts';
import { glb } from './glb.ts';
import type { KnownModel } from './models.ts';

/** A file of a prediction's output: made when fetched, the same bytes each time. */
export type OutputFile = { name: string; mediaType: string; make(): Uint8Array };

/** What a model will do with an input: known at once, delivered when the prediction ends. */
export type Work = {
  /** Computing time in whole milliseconds. */
  predictMs: number;
  files: OutputFile[];
  /** How the files stand in `output`; text models have none and answer `text`. */
  shape: 'list' | 'single';
  text?: string;
};

/** Pixels of each aspect ratio at one megapixel. */
const pixels: Record<string, [number, number]> = {
  '1:1': [1024, 1024],
  '16:9': [1344, 768],
  '21:9': [1536, 640],
  '3:2': [1216, 832],
  '2:3': [832, 1216],
  '4:5': [896, 1088],
  '5:4': [1088, 896],
  '3:4': [896, 1152],
  '4:3': [1152, 896],
  '9:16': [768, 1344],
  '9:21': [640, 1536],
};

/**
 * Plans the work of one prediction.
 * @param heard for transcription: the text of the audio it was given.
 */
export function plan(model: KnownModel, input: JsonObject, seed: string, heard?: string): Work {
  const prompt = stringAt(input, 'text') ?? stringAt(input, 'prompt') ?? '';
  const own = `${seed}|${model.slug}|${input.seed ?? ''}|${prompt}`;
  switch (model.kind) {
    case 'image':
      return images(input, own);
    case 'music': {
      const seconds = Number(input.duration ?? 8);
      const channels: 1 | 2 = String(input.model_version ?? 'stereo').startsWith('stereo') ? 2 : 1;
      const samples = { sampleRate: 32_000, channels };
      const make = () =>
        input.output_format === 'mp3'
          ? mp3({ seconds })
          : wav(musicPcm({ prompt, seconds, seed: own, ...samples }), samples);
      return {
        predictMs: Math.round(seconds * 2200) + (hash32(own) % 1000),
        shape: 'single',
        files: [audio(input, make)],
      };
    }
    case 'speech': {
      const samples = { sampleRate: 24_000, channels: 1 };
      const speed = typeof input.speed === 'number' ? input.speed : 1;
      const make = () => wav(speechPcm({ text: prompt, speed, sampleRate: samples.sampleRate, seed: own }), samples);
      return { predictMs: 300 + prompt.length * 7, shape: 'single', files: [audio({}, make)] };
    }
    case 'transcription':
      return { predictMs: 1200 + (hash32(own) % 1000), shape: 'single', files: [], text: heard ?? '' };
    case 'model3d': {
      const file = { name: 'mesh.glb', mediaType: 'model/gltf-binary', make: () => glb(own) };
      return { predictMs: 21_000 + (hash32(own) % 1000), shape: 'single', files: [file] };
    }
    case 'video': {
      const seconds = Number(input.duration ?? 5);
      const [width, height] =
        input.aspect_ratio === '9:16' ? [480, 864] : input.aspect_ratio === '1:1' ? [640, 640] : [864, 480];
      const make = () => mp4({ width, height, seconds, seed: own });
      const file = { name: 'output.mp4', mediaType: 'video/mp4', make };
      return { predictMs: Math.round(seconds * 9000) + (hash32(own) % 1000), shape: 'single', files: [file] };
    }
  }
}

function images(input: JsonObject, seed: string): Work {
  const [wide, high] = pixels[String(input.aspect_ratio ?? '1:1')] ?? [1024, 1024];
  const scale = input.megapixels === '0.25' ? 0.5 : 1;
  const width = Number(input.width ?? wide * scale);
  const height = Number(input.height ?? high * scale);
  const format = String(input.output_format ?? 'webp');
  const count = Number(input.num_outputs ?? 1);
  const files = Array.from({ length: count }, (_, index): OutputFile => {
    const picture = { width, height, seed: `${seed}|${index}` };
    if (format === 'png') return { name: `out-${index}.png`, mediaType: 'image/png', make: () => png(picture) };
    if (format === 'webp') return { name: `out-${index}.webp`, mediaType: 'image/webp', make: () => webp(picture) };
    return { name: `out-${index}.jpg`, mediaType: 'image/jpeg', make: () => jpeg(picture) };
  });
  return { predictMs: count * 550, shape: 'list', files };
}

function audio(input: JsonObject, make: () => Uint8Array): OutputFile {
  return input.output_format === 'mp3'
    ? { name: 'out.mp3', mediaType: 'audio/mpeg', make }
    : { name: 'out.wav', mediaType: 'audio/wav', make };
}

/** What the vendor bills: an official image model its images, every other model its computing time. */
export function chargesFor(model: KnownModel, outputs: number, predictMs: number): Charge[] {
  if (model.official && model.kind === 'image') return outputs > 0 ? [{ meter: 'images', quantity: outputs }] : [];
  if (predictMs === 0) return [];
  return [{ meter: 'gpu_seconds', quantity: predictMs / 1000, dims: { hardware: model.hardware ?? 'gpu-a100-large' } }];
}
