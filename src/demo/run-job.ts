import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { JsonObject } from '../contract/index.ts';
import { parseUsd } from '../meter/money.ts';
import { type UnitCost, unitCosts } from '../meter/unit-costs.ts';
import { type Client, type Generation, RefusedError } from './client.ts';
import { type Saved, save, textOf, vectorsOf } from './outputs.ts';
import type { Job } from './plan.ts';
import { wordsHeard, wordsOf } from './words.ts';

/** What became of a job. Times are milliseconds; money is a decimal string of dollars, null where no price is known. */
export type Result = {
  job: Job;
  state: 'done' | 'failed' | 'skipped';
  /** Why it failed or was skipped. */
  note?: string;
  code?: string;
  generation?: Generation;
  saved: Saved[];
  latencyMs?: number;
  /** Streams: until the first piece of text. */
  firstMs?: number;
  /** Transcriptions: words of the spoken text that came back. */
  words?: { heard: number; said: number };
  costUsd?: string | null;
  units: UnitCost[];
};

/** Below this share of the words, a transcription has not heard what was said. */
const leastHeard = 0.8;

/** Runs one job to its saved outputs. Failures are results, not exceptions. */
export async function runJob(client: Client, job: Job, folder: string, tags: JsonObject, speech?: Result) {
  const result: Result = { job, state: 'failed', saved: [], units: [] };
  try {
    const begun = performance.now();
    const since = () => Math.round(performance.now() - begun);
    let streamed = '';
    const body = { model: job.model, modality: job.modality, ...job.body, tags };
    const generation = job.stream
      ? await client.stream(body, (text) => {
          result.firstMs ??= since();
          streamed += text;
        })
      : await client.generate(speech ? await listening(job, body, speech) : body);
    result.latencyMs = since();
    result.generation = generation;
    result.costUsd = generation.receipt?.total ?? null;
    if (job.stream && streamed.trim() !== textOf(generation).trim()) {
      throw new RefusedError('cut_stream', 'The streamed pieces do not add up to the text.');
    }
    result.saved = await save(client, job, generation, folder);
    result.units = unitCosts(counted(result, speech), parseUsd(result.costUsd ?? '0'));
    if (speech) {
      result.words = wordsHeard(String(speech.job.body.input), textOf(generation));
      const { heard, said } = result.words;
      if (heard < said * leastHeard) throw new RefusedError('misheard', `It heard ${heard} of ${said} spoken words.`);
    }
    result.state = 'done';
  } catch (thrown) {
    result.code = thrown instanceof RefusedError ? thrown.code : 'no_answer';
    result.note = reasonOf(thrown);
  }
  return result;
}

/** The request of a transcription: the saved sound as an upload, or the gateway's own link to it. */
async function listening(job: Job, body: JsonObject, speech: Result): Promise<JsonObject | FormData> {
  const [sound] = speech.saved;
  if (!sound) throw new RefusedError('no_speech', 'There is no sound to hear.');
  if (job.hears?.by === 'link') return { ...body, input: sound.output?.url ?? '' };
  const form = new FormData();
  form.set('model', job.model);
  form.set('modality', job.modality);
  for (const [name, value] of Object.entries(body.tags as JsonObject)) form.set(`tags.${name}`, String(value));
  form.set('file', new File([await readFile(sound.file)], basename(sound.file)));
  return form;
}

/** What the cost is set against: images, seconds, characters, songs, models or tokens. */
function counted({ job, generation, saved }: Result, speech: Result | undefined): Record<string, number> {
  const sum = (list: Saved[]) => list.reduce((total, one) => total + (one.output?.seconds ?? 0), 0);
  switch (job.modality) {
    case 'image':
      return { images: saved.filter((one) => one.output).length };
    case 'speech':
      return { seconds: sum(saved), characters: String(job.body.input).length };
    case 'sound_effect':
    case 'video':
      return { seconds: sum(saved) };
    case 'model3d':
      return { models: saved.filter((one) => one.output).length };
    case 'transcription':
      return { seconds: sum(speech?.saved ?? []) };
    case 'music':
      return { songs: saved.filter((one) => one.output).length, seconds: sum(saved) };
    default: {
      const lines = generation?.receipt?.lines ?? [];
      const tokens = lines.filter((line) => line.meter.endsWith('_tokens'));
      return { tokens: tokens.reduce((total, line) => total + Number(line.quantity), 0) };
    }
  }
}

/** The output in a few words: size, length or number of words. */
export function measureOf(result: Result): string {
  const { saved, generation, words, firstMs } = result;
  const [first] = saved;
  const { width, height, seconds } = first?.output ?? {};
  const measured = [
    ...(width ? [`${width}x${height}`] : []),
    ...(seconds === undefined ? [] : [`${seconds.toFixed(2)} s`]),
    ...(first?.triangles ? [`${first.triangles} triangles`] : []),
  ];
  if (measured.length > 0) return measured.join(', ');
  const vectors = generation ? vectorsOf(generation) : [];
  if (vectors[0]) return `${vectors.length} x ${vectors[0].length} numbers`;
  if (words) return `${words.heard} of ${words.said} words heard`;
  const count = generation ? wordsOf(textOf(generation)).length : 0;
  return `${count} words${firstMs === undefined ? '' : `, first after ${(firstMs / 1000).toFixed(2)} s`}`;
}

/** An error in one line, with the cause that fetch hides. */
export function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const cause = thrown.cause instanceof Error ? thrown.cause : undefined;
  const words = cause && (cause.message || (cause as { code?: string }).code);
  return words ? `${thrown.message} (${words})` : thrown.message;
}
