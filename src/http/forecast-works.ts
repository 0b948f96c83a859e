import { type Dims, GatewayError, type Meter, type Model, meters } from '../contract/index.ts';
import { defined } from '../dialects/shared.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { type MixRow, workloadOfMix } from '../meter/forecast-mix.ts';
import { missingWord, type OutputWords, workloadOfProfile } from '../meter/forecast-profile.ts';
import type { Workload } from '../meter/forecast-workload.ts';
import type { Fraction } from '../meter/money.ts';
import type { ProfileEntry } from './forecast-request.ts';
import { badField } from './refuse.ts';

/** A row of the ledger as a month of work, with the configured model behind it; a bare one where none is configured any more. */
export function ledgerWork(gateway: Gateway, row: MixRow, scale: Fraction): Workload {
  const { provider, model, modality } = row;
  const found = gateway.directory
    .list()
    .find((one) => one.provider === provider && one.upstream === model && one.modality === modality);
  return workloadOfMix(row, found ?? { id: `${provider}/${model}`, provider, upstream: model, modality }, scale);
}

/** A line of a profile as a month of work. `param` names it in refusals. */
export function declaredWork(gateway: Gateway, entry: ProfileEntry, param: string): Workload {
  const model = declaredModel(gateway, entry, param);
  const words = wordsOf(entry);
  const usage = usageOf(entry);
  const dims = { ...(usage ? dimsOf(words) : {}), ...entry.dims };
  const item = {
    model,
    perMonth: entry.per_month,
    words,
    ...(usage ? { usage } : {}),
    ...(Object.keys(dims).length > 0 ? { dims } : {}),
    ...(entry.share_batchable === undefined ? {} : { batchable: entry.share_batchable }),
  };
  const missing = missingWord(item);
  if (missing) {
    const message = `is needed to know how much one output of ${model.id} is (or usage with its meters).`;
    throw badField(`${param}.${missing}`, message);
  }
  const work = workloadOfProfile(gateway.catalogue, item);
  const peaks = gateway.upstreams.get(model.provider)?.row.quirks?.peak_utc !== undefined;
  if (peaks && dims.hours === undefined) work.assumptions.push('all of it at the prices of peak hours');
  return work;
}

function declaredModel({ directory }: Gateway, entry: ProfileEntry, param: string): Model {
  const modality = entry.modality ?? directory.find(entry.model)?.modality;
  if (!modality) throw badField(`${param}.modality`, `is needed: no configured model is called "${entry.model}".`);
  try {
    return directory.resolve(entry.model, modality);
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    throw new GatewayError(thrown.code, { ...thrown.details, message: thrown.message, param: `${param}.model` });
  }
}

function wordsOf(entry: ProfileEntry): OutputWords {
  const { input_tokens, cached_input_tokens, output_tokens, ...rest } = { ...entry, ...entry.usage };
  const { characters, seconds, n, images, size, quality, resolution, audio, mode } = rest;
  return defined({
    ...{ characters, seconds, n, images, size, quality, resolution, audio, mode },
    ...{ inputTokens: input_tokens, cachedInputTokens: cached_input_tokens, outputTokens: output_tokens },
  });
}

/** `images` is a meter among meters: pictures that come out. Beside words it counts those that go in. */
function usageOf({ usage = {} }: ProfileEntry): Partial<Record<Meter, number>> | undefined {
  const metered = Object.entries(usage).filter(([name]) => meters.includes(name as Meter));
  return metered.length > 0 ? Object.fromEntries(metered) : undefined;
}

function dimsOf({ size, quality, resolution, audio, mode }: OutputWords): Dims {
  const words = { size, quality, resolution, audio, mode };
  return Object.fromEntries(
    Object.entries(words).flatMap(([name, word]) => (word === undefined ? [] : [[name, String(word).toLowerCase()]])),
  );
}
