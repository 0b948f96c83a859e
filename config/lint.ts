import type { Model, Price } from '../src/contract/index.ts';
import { holdsOn } from './holds-on.ts';
import { lintPrices } from './lint-prices.ts';
import type { Config } from './load.ts';

export type Fault = { rule: string; where: string; message: string };

/** The models whose provider no longer serves them on this day (YYYY-MM-DD). */
export function retiredModels(models: readonly Model[], day: string): Model[] {
  return models.filter((model) => model.shutdownDate !== undefined && model.shutdownDate <= day);
}

/**
 * What a schema cannot see: prices that contradict each other or their modality, models without a price, defaults that cannot work,
 * models past their shutdown. Pure. @param day the day to judge at, YYYY-MM-DD.
 */
export function lintConfig(config: Config, day: string): Fault[] {
  const faults = lintPrices(config.prices, config.models, day);
  for (const model of retiredModels(config.models, day)) {
    faults.push({ rule: 'shutdown', where: model.id, message: `was shut down on ${model.shutdownDate}` });
  }
  for (const [modality, id] of Object.entries(config.defaults)) {
    const model = config.models.find((row) => row.id === id);
    if (!model) faults.push({ rule: 'default', where: `defaults/${modality}`, message: `${id} is not a model` });
    else if (model.modality !== modality) {
      faults.push({ rule: 'default', where: `defaults/${modality}`, message: `${id} makes ${model.modality}` });
    }
  }
  const declared = new Set(config.unpriced.map((row) => `${row.provider}/${row.model}`));
  for (const model of config.models) {
    const id = `${model.provider}/${model.upstream}`;
    const lacks = missingPrice(model, config.prices, day);
    if (lacks && !declared.has(id))
      faults.push({ rule: 'unpriced', where: model.id, message: `has no price for ${lacks}` });
    if (!lacks && declared.has(id)) {
      faults.push({ rule: 'unpriced', where: model.id, message: 'is declared unpriced but has its prices' });
    }
    declared.delete(id);
  }
  for (const id of declared)
    faults.push({ rule: 'unpriced', where: id, message: 'is declared unpriced but is not a model' });
  return faults;
}

/**
 * Meters that a model of a modality is sold by: one of each group must have a price without conditions. Films are sold by their
 * resolution, so any price of theirs will do.
 */
const sold: Partial<Record<Model['modality'], string[][]>> = {
  text: [['input_text_tokens'], ['output_text_tokens']],
  embedding: [['input_text_tokens']],
  image: [['output_image_tokens', 'images', 'megapixels', 'gpu_seconds']],
  speech: [['output_audio_tokens', 'input_characters', 'output_audio_seconds', 'provider_credits', 'gpu_seconds']],
  transcription: [['input_audio_tokens', 'input_audio_seconds', 'gpu_seconds']],
  music: [['songs', 'output_audio_seconds', 'provider_credits', 'gpu_seconds']],
  sound_effect: [['output_audio_seconds', 'songs', 'provider_credits', 'gpu_seconds']],
  video: [['output_video_seconds', 'output_video_tokens', 'provider_credits', 'gpu_seconds']],
  model3d: [['models_3d', 'provider_credits', 'gpu_seconds']],
};

function missingPrice(model: Model, prices: readonly Price[], day: string): string | undefined {
  const own = prices.filter(
    (price) =>
      price.provider === model.provider &&
      [model.upstream, '*'].includes(price.model) &&
      price.contextOver === undefined &&
      holdsOn(price, day),
  );
  const billing = model.options?.billing as { metric?: string; hardware?: string } | undefined;
  if (billing?.metric) {
    const { metric, hardware } = billing;
    const found = own.some(
      (price) => price.model !== '*' && price.meter === metric && (price.dims?.hardware ?? hardware) === hardware,
    );
    return found ? undefined : [metric, hardware].filter(Boolean).join(' of ');
  }
  // A unit only names what is counted.
  const conditions = ({ dims }: Price) => Object.keys(dims ?? {}).filter((name) => name !== 'unit');
  const always = new Set<string>(
    own.filter((price) => model.modality === 'video' || conditions(price).length === 0).map((price) => price.meter),
  );
  // A machine of one's own is paid by the hour, whatever it makes.
  if (own.some((price) => price.model === '*' && price.meter === 'gpu_seconds' && conditions(price).length === 0)) {
    return undefined;
  }
  const lacking = (sold[model.modality] ?? []).find((group) => !group.some((meter) => always.has(meter)));
  return lacking?.join(' or ');
}
