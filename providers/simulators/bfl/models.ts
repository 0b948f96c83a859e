import type { Json, JsonObject } from '../../../src/contract/index.ts';

type Field = {
  type: 'string' | 'integer' | 'number' | 'boolean';
  required?: boolean;
  nullable?: boolean;
  options?: string[];
  least?: number;
  most?: number;
  step?: number;
};

/** Credits (1 = a US cent) of a picture: the first megapixel that comes out, each further one, each that goes in. */
type Price = { first: number; further?: number };

export type Model = { fields: Record<string, Field>; price: Price; format: 'jpeg' | 'png'; pixels: boolean };

/** A fault of the input as FastAPI lists it. */
export type Fault = { loc: (string | number)[]; msg: string; type: string };

const maybe: Field = { type: 'string', nullable: true };
const format: Field = { type: 'string', nullable: true, options: ['jpeg', 'png', 'webp'] };
const common = {
  seed: { type: 'integer', nullable: true },
  output_format: format,
  webhook_url: { type: 'string', nullable: true, least: 1, most: 2083 },
  webhook_secret: maybe,
} satisfies Record<string, Field>;
const prompt: Field = { type: 'string', required: true };
const tolerance = (most: number): Field => ({ type: 'integer', least: 0, most });
const steps = (least: number): Field => ({ type: 'integer', nullable: true, least, most: 50 });
const flag: Field = { type: 'boolean' };
const images = (count: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`input_image${index ? `_${index + 1}` : ''}`, maybe]),
  );

const flux2 = (price: Price, count: number, more: Record<string, Field> = {}): Model => ({
  fields: {
    ...common,
    ...images(count),
    ...more,
    prompt,
    width: { type: 'integer', nullable: true, least: 64 },
    height: { type: 'integer', nullable: true, least: 64 },
    safety_tolerance: tolerance(5),
  },
  price,
  format: 'jpeg',
  pixels: true,
});
const side: Field = { type: 'integer', least: 256, most: 1440, step: 32 };
const flux1 = (credits: number, more: Record<string, Field> = {}): Model => ({
  fields: {
    ...common,
    ...more,
    prompt: maybe,
    image_prompt: maybe,
    prompt_upsampling: flag,
    width: side,
    height: side,
    safety_tolerance: tolerance(6),
  },
  price: { first: credits },
  format: 'jpeg',
  pixels: true,
});
const byRatio = (credits: number, own: Model['format'], more: Record<string, Field>): Model => ({
  fields: { ...common, prompt_upsampling: flag, aspect_ratio: maybe, safety_tolerance: tolerance(6), ...more },
  price: { first: credits },
  format: own,
  pixels: false,
});
const guidance = (most: number): Field => ({ type: 'number', nullable: true, least: 1.5, most });

/** Inputs after https://api.bfl.ai/openapi.json, prices after https://bfl.ai/pricing. */
export const models: Record<string, Model> = {
  'flux-2-pro': flux2({ first: 3, further: 1.5 }, 8),
  'flux-2-pro-preview': flux2({ first: 3, further: 1.5 }, 8),
  'flux-2-max': flux2({ first: 7, further: 3 }, 8),
  'flux-2-flex': flux2({ first: 5, further: 5 }, 8, {
    prompt_upsampling: flag,
    guidance: guidance(10),
    steps: steps(1),
  }),
  'flux-2-klein-9b': flux2({ first: 1.5, further: 0.2 }, 4),
  'flux-2-klein-4b': flux2({ first: 1.4, further: 0.1 }, 4),
  'flux-pro-1.1': flux1(4),
  'flux-dev': flux1(2.5, { steps: steps(1), guidance: guidance(5) }),
  'flux-pro-1.1-ultra': byRatio(6, 'jpeg', {
    prompt: maybe,
    raw: flag,
    image_prompt: maybe,
    image_prompt_strength: { type: 'number', least: 0, most: 1 },
  }),
  'flux-kontext-pro': byRatio(4, 'png', { prompt, ...images(4) }),
  'flux-kontext-max': byRatio(8, 'png', { prompt, ...images(4) }),
  'flux-pro-1.0-fill': byRatio(5, 'jpeg', {
    prompt: maybe,
    image: prompt,
    mask: maybe,
    steps: steps(15),
    guidance: guidance(100),
  }),
};

/** What is wrong with an input; empty when it is right. Unknown fields are let through, as there. */
export function checkInput({ fields }: Model, input: JsonObject): Fault[] {
  const faults: Fault[] = [];
  for (const [name, field] of Object.entries(fields)) {
    const value = input[name];
    const loc = ['body', name];
    if (value === undefined) {
      if (field.required) faults.push({ loc, msg: 'Field required', type: 'missing' });
    } else {
      const fault = checkValue(field, value);
      if (fault) faults.push({ loc, ...fault });
    }
  }
  return faults;
}

function checkValue(field: Field, value: Json): Omit<Fault, 'loc'> | undefined {
  if (value === null && field.nullable) return undefined;
  const given = typeof value === 'number' ? (Number.isInteger(value) ? 'integer' : 'number') : typeof value;
  if (given !== field.type && !(field.type === 'number' && given === 'integer')) {
    return { msg: `Input should be a valid ${field.type}`, type: `${field.type}_type` };
  }
  if (field.options && !field.options.includes(String(value))) {
    return { msg: `Input should be ${field.options.map((one) => `'${one}'`).join(', ')}`, type: 'enum' };
  }
  const size = typeof value === 'string' ? value.length : Number(value);
  if (field.least !== undefined && size < field.least) {
    return { msg: `Input should be greater than or equal to ${field.least}`, type: 'greater_than_equal' };
  }
  if (field.most !== undefined && size > field.most) {
    return { msg: `Input should be less than or equal to ${field.most}`, type: 'less_than_equal' };
  }
  if (field.step !== undefined && size % field.step !== 0) {
    return { msg: `Input should be a multiple of ${field.step}`, type: 'multiple_of' };
  }
  return undefined;
}

/** Credits of one picture; megapixels of 2^20 pixels, every one that is begun. */
export function creditsOf({ price }: Model, inputMegapixels: number, outputMegapixels: number): number {
  const { first, further } = price;
  if (further === undefined) return first;
  const more = Math.max(0, Math.ceil(outputMegapixels) - 1) + Math.ceil(inputMegapixels);
  return Number((first + more * further).toPrecision(12));
}
