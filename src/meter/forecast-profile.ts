import type { Dims, Meter, Metered, Model } from '../contract/index.ts';
import type { Catalogue } from './catalogue.ts';
import { product } from './forecast-fraction.ts';
import { askedFrom } from './forecast-mix.ts';
import type { Workload } from './forecast-workload.ts';
import type { Asked } from './quote.ts';
import { quantitiesOf, usualAnswer } from './quote-quantities.ts';

/** What one output is, in a caller's words; quantities are of one output. */
export type OutputWords = {
  characters?: number;
  inputTokens?: number;
  cachedInputTokens?: number;
  outputTokens?: number;
  /** Seconds of output; of the audio that is heard for a transcription. */
  seconds?: number;
  n?: number;
  images?: number;
  size?: string;
  quality?: string;
  resolution?: string;
  audio?: boolean;
  mode?: string;
};

/** One declared line of a month's work. `usage` are metered quantities of one output and win over words. */
export type ProfileItem = {
  model: Model;
  perMonth: number;
  usage?: Partial<Record<Meter, number>>;
  dims?: Dims;
  words: OutputWords;
  batchable?: number;
};

/** What is missing to say how much one output is, as the name of a field; undefined where nothing is. */
export function missingWord(item: ProfileItem): string | undefined {
  if (item.usage) return undefined;
  const { characters, inputTokens, seconds } = item.words;
  const { modality } = item.model;
  if (modality === 'text' || modality === 'embedding') {
    return characters === undefined && inputTokens === undefined ? 'input_tokens' : undefined;
  }
  if (modality === 'speech') return characters === undefined ? 'characters' : undefined;
  if (modality === 'transcription') return seconds === undefined ? 'seconds' : undefined;
  return undefined;
}

/** A declared line as a month of work. */
export function workloadOfProfile(catalogue: Catalogue, item: ProfileItem): Workload {
  const { model, perMonth, dims } = item;
  const one = item.usage ? declared(item.usage) : described(catalogue, item);
  const metered = one.metered.map((line) => ({
    ...line,
    quantity: product(line.quantity, perMonth),
    ...(dims || line.dims ? { dims: { ...line.dims, ...dims } } : {}),
  }));
  const asked = item.usage ? askedOfUsage(item) : askedOfWords(item);
  const units: Record<string, number> = {};
  const count = (name: string, quantity: number | undefined) => {
    if (quantity) units[name] = product(quantity, perMonth);
  };
  if (model.modality === 'image') count('images', asked.n ?? 1);
  count('seconds', asked.seconds ?? asked.audioSeconds);
  if (model.modality === 'speech') count('characters', asked.characters);
  return {
    modality: model.modality,
    model,
    outputs: perMonth,
    bundles: [{ calls: perMonth, metered }],
    asked,
    estimated: one.estimated,
    batchable: item.batchable ?? 1,
    units,
    measured: false,
    assumptions: one.assumptions,
  };
}

type Described = { metered: Metered[]; estimated: boolean; assumptions: string[] };

function declared(usage: Partial<Record<Meter, number>>): Described {
  const metered = Object.entries(usage).map(([meter, quantity]) => ({ meter: meter as Meter, quantity }));
  return { metered, estimated: false, assumptions: [] };
}

function described(catalogue: Catalogue, item: ProfileItem): Described {
  const { model, words } = item;
  const assumptions: string[] = [];
  if (model.modality !== 'text' && model.modality !== 'embedding') {
    return expectedOf(catalogue, model, askedOfWords(item));
  }
  const metered: Metered[] = [];
  const add = (meter: Meter, quantity: number | undefined) => {
    if (quantity) metered.push({ meter, quantity });
  };
  if (words.inputTokens === undefined) assumptions.push('four characters a token');
  add('input_text_tokens', words.inputTokens ?? Math.ceil((words.characters ?? 0) / 4));
  add('cached_input_tokens', words.cachedInputTokens);
  if (model.modality === 'text') {
    if (words.outputTokens === undefined) assumptions.push(`${usualAnswer} tokens an answer`);
    add('output_text_tokens', words.outputTokens ?? usualAnswer);
  }
  return { metered, estimated: assumptions.length > 0, assumptions };
}

/** The expected quantities of one output of a model, as a quote of the same request has them. */
export function expectedOf(catalogue: Catalogue, model: Model, asked: Asked): Described {
  const sold = new Set(catalogue.meters(model.provider, model.upstream));
  const { bounded, assumptions } = quantitiesOf(model, asked, sold);
  const metered = bounded.map(({ meter, expected, dims }) => ({
    meter,
    quantity: expected,
    ...(dims ? { dims } : {}),
  }));
  return { metered, estimated: bounded.some((line) => line.min !== line.max), assumptions };
}

function askedOfUsage({ model, usage = {}, dims = {} }: ProfileItem): Asked {
  const sum = (...meters: Meter[]) => meters.reduce((total, meter) => total + (usage[meter] ?? 0), 0);
  return askedFrom(model.modality, sum, dims);
}

function askedOfWords({ model, words }: ProfileItem): Asked {
  const { inputTokens, outputTokens, cachedInputTokens: _, seconds, images, ...rest } = words;
  const characters = words.characters ?? (inputTokens ?? 0) * 4;
  const lasts = model.modality === 'transcription' ? { audioSeconds: seconds } : { seconds };
  const asked: Asked = { ...rest, modality: model.modality, characters, bytes: characters, images: images ?? 0 };
  return {
    ...asked,
    ...(seconds === undefined ? {} : lasts),
    ...(outputTokens ? { maxOutputTokens: outputTokens } : {}),
  };
}
