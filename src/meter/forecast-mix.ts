import {
  type Dims,
  type Meter,
  type Metered,
  type Modality,
  type Model,
  numberAt,
  type PicoUsd,
} from '../contract/index.ts';
import { exact, numberOf, over, times } from './forecast-fraction.ts';
import type { Bundle, Workload } from './forecast-workload.ts';
import { divideHalfEven, type Fraction } from './money.ts';
import type { Asked } from './quote.ts';

/** Calls of one model that fall under the same steps, added up. `reported` is what the provider said they cost, where all of them say. */
export type MixClass = {
  calls: number;
  estimated: number;
  metered: { meter: Meter; quantity: number; dims?: Dims; model?: string }[];
  reportedPico?: PicoUsd;
};

/** What the book has of one modality and model over a period. Seconds of latency are of calls that succeeded. */
export type MixRow = {
  modality: Modality;
  provider: string;
  model: string;
  generations: number;
  attempts: number;
  /** Attempts that brought an output. */
  succeeded: number;
  simulated: number;
  unpriced: number;
  costPico: PicoUsd;
  firstAt: number;
  lastAt: number;
  latency?: { average: number; median: number };
  units: Record<string, number>;
  classes: MixClass[];
};

/**
 * The steps that part calls from each other, so that each class has one price: input tokens of a call, and any other quantity of it.
 * Each list ascends.
 */
export type MixSteps = { tokens: readonly number[]; quantities: readonly number[] };

/** A period's row as a month of work. `scale` is months per period. */
export function workloadOfMix(row: MixRow, model: Model, scale: Fraction): Workload {
  const scaled = (quantity: number) => numberOf(times(exact(quantity), scale));
  const bundles = row.classes.map((one): Bundle => {
    const metered = one.metered.map((line): Metered => ({ ...line, quantity: scaled(line.quantity) }));
    if (one.reportedPico === undefined) return { calls: scaled(one.calls), metered };
    const reportedPico = divideHalfEven(one.reportedPico * scale.top, scale.bottom);
    return { calls: scaled(one.calls), metered, reportedPico };
  });
  const assumptions: string[] = [];
  const without = row.attempts - row.succeeded;
  if (without > 0) assumptions.push(`${without} of ${row.attempts} calls brought no output; their cost is in it`);
  if (row.simulated > 0) assumptions.push(`${row.simulated} of ${row.attempts} calls were simulated`);
  return {
    modality: row.modality,
    model,
    outputs: scaled(row.succeeded),
    bundles,
    asked: askedOf(row),
    estimated: row.classes.some((one) => one.estimated > 0),
    batchable: 1,
    units: Object.fromEntries(Object.entries(row.units).map(([name, quantity]) => [name, scaled(quantity)])),
    ...(row.latency && row.simulated === 0 ? { latency: row.latency } : {}),
    measured: row.simulated === 0,
    assumptions,
  };
}

/** One output of the row, on average. */
function askedOf(row: MixRow): Asked {
  const lines = row.classes.flatMap((one) => one.metered);
  const each = (total: number) => (row.succeeded > 0 ? numberOf(over(exact(total), exact(row.succeeded))) : 0);
  const sum = (...meters: Meter[]) =>
    each(lines.reduce((total, line) => (meters.includes(line.meter) ? total + line.quantity : total), 0));
  return askedFrom(row.modality, sum, dimsOf(lines), (name) => each(numberAt(row.units, name) ?? 0));
}

/** The request that one output comes from, as far as its meters and counted results tell. */
export function askedFrom(
  modality: Modality,
  sum: (...meters: Meter[]) => number,
  dims: Dims,
  unit: (name: string) => number = () => 0,
): Asked {
  const tokens = sum('input_text_tokens', 'cached_input_tokens');
  const characters = unit('characters') || sum('input_characters') || tokens * 4;
  const heard = (modality === 'transcription' && unit('seconds')) || sum('input_audio_seconds');
  const made =
    (modality !== 'transcription' && unit('seconds')) || sum('output_video_seconds') || sum('output_audio_seconds');
  const n = unit('images') || sum('images') || unit('songs') || sum('songs') || sum('models_3d');
  const { size, quality, resolution, audio, mode } = dims;
  return {
    modality,
    characters,
    bytes: characters,
    images: 0,
    ...(n > 0 ? { n } : {}),
    ...(made > 0 && modality !== 'speech' ? { seconds: made } : {}),
    ...(heard > 0 ? { audioSeconds: heard } : {}),
    ...(size ? { size } : {}),
    ...(quality ? { quality } : {}),
    ...(resolution ? { resolution } : {}),
    ...(audio === undefined ? {} : { audio: audio === 'true' }),
    ...(mode ? { mode } : {}),
  };
}

/** The dimensions of the line that says most. */
function dimsOf(lines: readonly Metered[]): Dims {
  return lines.reduce<Dims>((most, { dims = {} }) => {
    return Object.keys(dims).length > Object.keys(most).length ? dims : most;
  }, {});
}
