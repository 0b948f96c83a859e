import {
  at,
  type Dims,
  isObject,
  type Json,
  type JsonObject,
  type Meter,
  meters,
  numberAt,
  type Observed,
  stringAt,
  type Usage,
} from '../../src/contract/index.ts';
import { charactersOf, figureAt, firstFigure, firstWord, headerFigure } from '../shared/asked.ts';
import { Leaves, special } from '../shared/leaves.ts';
import { readSize, wholeMegapixels } from '../shared/pixels.ts';
import { type FalRequest, fieldsOf } from './fields.ts';

/** Sent with a result alone: how much of the endpoint's own unit was billed. */
const billedHeader = 'x-fal-billable-units';

/** What a modality is sold by where neither the model's row nor a price says so. */
const usual: Partial<Record<Observed['modality'], Meter>> = {
  image: 'images',
  video: 'output_video_seconds',
  model3d: 'models_3d',
};

/**
 * What a finished job consumed. fal says how many units it bills, never which. Where prices of the units themselves are known they stay
 * that; else the model's row tells (`options.billing: {metric, unit?}`, `unit` being how many of the metric one billed unit is: 60 where
 * minutes are sold as seconds), else its prices, else they are `provider_units`. Only results are billed; without the header the figures
 * are derived from answer and request.
 * @returns undefined where nothing can be known.
 */
export function readUsage(observed: Observed): Usage | undefined {
  const billed = headerFigure(observed.headers, billedHeader);
  const own = at(observed.options, 'billing');
  const declared = meters.find((meter) => meter === at(own, 'metric'));
  const meter = soldMeter(declared, observed.sold);
  if (billed !== undefined) {
    const counted = observed.sold?.includes('provider_units') ? 'provider_units' : (meter ?? 'provider_units');
    const scale = counted === declared ? (numberAt(own, 'unit') ?? 1) : 1;
    return new Leaves().add(counted, exact(billed * scale)).usage('header', { raw: { [billedHeader]: billed } });
  }
  const wanted = meter ?? usual[observed.modality];
  if (!wanted) return undefined;
  const dims = wanted === 'output_video_seconds' ? filmed(observed.request) : {};
  return new Leaves().add(wanted, derived(wanted, observed), { dims }).usage('derived');
}

/** What chooses among the prices of a film. */
function filmed(request: Json | undefined): Dims {
  return special({ resolution: firstWord(request, 'resolution'), audio: firstWord(request, 'generate_audio') });
}

/** The row's own meter, unless prices are known that are of others. */
function soldMeter(declared: Meter | undefined, sold: readonly Meter[] = []): Meter | undefined {
  if (sold.length === 0 || (declared && sold.includes(declared))) return declared;
  return sold.includes('provider_units') ? 'provider_units' : sold[0];
}

/** A product as the decimal it stands for: 0.0383 minutes are 2.298 seconds. */
function exact(product: number): number {
  return Number(product.toPrecision(12));
}

function derived(meter: Meter, observed: Observed): number | undefined {
  const { request, response } = observed;
  switch (meter) {
    case 'images':
      return countOf(response) ?? figureAt(request, 'num_images') ?? (response ? 1 : undefined);
    case 'megapixels':
      return megapixelsOf(observed);
    case 'songs':
    case 'models_3d':
    case 'requests':
      return 1;
    case 'output_video_seconds':
      return firstFigure(response, 'video.duration', 'duration') ?? lengthOf(request);
    case 'output_audio_seconds': {
      const milliseconds = figureAt(response, 'duration_ms');
      if (milliseconds !== undefined) return milliseconds / 1000;
      return firstFigure(response, 'audio.duration', 'audio_file.duration', 'duration') ?? lengthOf(request);
    }
    case 'input_audio_seconds':
      return firstFigure(response, 'duration', 'audio_duration') ?? lastWordEnds(response) ?? lengthOf(request);
    case 'input_characters':
      return charactersAsked(observed);
    default:
      return undefined;
  }
}

function countOf(response: Json | undefined): number | undefined {
  const images = at(response, 'images');
  return Array.isArray(images) ? images.length : undefined;
}

/** Every picture is rounded up; the request's size stands in for pictures without measures. */
function megapixelsOf({ request, response }: Observed): number | undefined {
  const asked = pixelsAsked(request);
  const images = at(response, 'images');
  if (Array.isArray(images)) {
    return images.reduce<number>((sum, image) => {
      const [width, height] = [numberAt(image, 'width') ?? asked[0], numberAt(image, 'height') ?? asked[1]];
      return sum + wholeMegapixels(width, height);
    }, 0);
  }
  if (!isObject(request) && !isObject(response)) return undefined;
  return wholeMegapixels(...asked) * (figureAt(request, 'num_images') ?? 1);
}

/** Pixels in the request, where it names them; else a megapixel, which no preset of fal exceeds. */
function pixelsAsked(request: Json | undefined): [number, number] {
  const width = figureAt(request, 'image_size', 'width') ?? figureAt(request, 'width');
  const height = figureAt(request, 'image_size', 'height') ?? figureAt(request, 'height');
  return width && height ? [width, height] : (readSize(at(request, 'size')) ?? [1024, 1024]);
}

function lengthOf(request: Json | undefined): number | undefined {
  const words = stringAt(request, 'duration');
  if (words !== undefined && /^\d+(\.\d+)?s$/.test(words)) return Number(words.slice(0, -1));
  return firstFigure(request, 'duration', 'seconds', 'seconds_total', 'duration_seconds');
}

function lastWordEnds(response: Json | undefined): number | undefined {
  const words = at(response, 'words');
  const last = Array.isArray(words) ? words.at(-1) : undefined;
  const chunks = at(response, 'chunks');
  return numberAt(last, 'end') ?? numberAt(Array.isArray(chunks) ? chunks.at(-1) : undefined, 'timestamp', 1);
}

function charactersAsked({ request }: Observed): number | undefined {
  const told = figureAt(request, 'input_characters');
  return told ?? charactersOf(stringAt(request, 'text') ?? stringAt(request, 'prompt') ?? stringAt(request, 'input'));
}

const kept = ['num_images', 'image_size', 'width', 'height', 'duration', 'seconds_total', 'duration_seconds'];

/** What of an input an answer without figures is billed by; small, because it is kept with the job. */
export function billedBy(input: JsonObject, request: FalRequest, options: JsonObject): JsonObject {
  const asked: JsonObject = {};
  for (const name of kept) if (input[name] !== undefined) asked[name] = input[name]!;
  if (request.modality !== 'speech') return asked;
  const field = fieldsOf('speech', options).text;
  const text = typeof field === 'string' ? at(input, ...field.split('.')) : request.text;
  return { ...asked, input_characters: charactersOf(String(text ?? request.text)) ?? 0 };
}
