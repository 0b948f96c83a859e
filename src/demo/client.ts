import type { JsonObject } from '../contract/index.ts';
import { readSse } from '../dialects/sse.ts';
import type { ForecastAnswer } from './forecast-table.ts';

export type Output = {
  type: string;
  url?: string;
  media_type?: string;
  width?: number;
  height?: number;
  seconds?: number;
  bytes?: number;
  sha256?: string;
  text?: string;
  vector?: number[];
};

export type Generation = {
  id: string;
  status: string;
  model: string;
  outputs: Output[];
  receipt: { total: string | null; status: string; lines: { meter: string; quantity: string }[] } | null;
  warnings: string[];
  simulated: boolean;
  error?: { code?: string; message?: string };
};

export type SpendRow = {
  modality: string;
  tag: string;
  generations: number;
  attempts: number;
  unpriced: number;
  estimated: number;
  cost_usd: string;
  units: { unit: string; quantity: string; unit_cost_usd: string | null }[];
};

type StreamedEvent =
  | { type: 'generation.part'; index: number; part: string }
  | { type: 'generation.delta'; index: number; text?: string }
  | { type: 'generation.completed'; generation: Generation }
  | { type: 'error'; error: { code: string; message: string } };

/** The gateway refused, or a generation failed. `code` is the gateway's stable error code. */
export class RefusedError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export type Client = ReturnType<typeof createClient>;

/** Milliseconds between two looks at a generation that outlasted its request. */
const lookEvery = 1_000;

/** The few calls of a gateway's HTTP surface that the demo needs: what an app without an SDK would write. */
export function createClient(url: string, key: string, signal: AbortSignal) {
  const send = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = { authorization: `Bearer ${key}`, ...(init.headers as Record<string, string> | undefined) };
    const answer = await fetch(`${url}${path}`, { ...init, headers, signal });
    if (answer.ok) return answer;
    const { error } = (await answer.json().catch(() => ({}))) as { error?: { code?: string; message?: string } };
    throw new RefusedError(
      error?.code ?? `http_${answer.status}`,
      error?.message ?? `${path} answered ${answer.status}.`,
    );
  };
  const read = async <T>(path: string): Promise<T> => (await send(path)).json() as Promise<T>;
  const post = (body: JsonObject | FormData, path = '/v1/generations') =>
    send(path, {
      method: 'POST',
      ...(body instanceof FormData
        ? { body }
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });

  /** Waits for a generation that was answered 202. */
  const finish = async (first: Generation): Promise<Generation> => {
    let now = first;
    while (now.status === 'queued' || now.status === 'in_progress') {
      await new Promise((resolve) => setTimeout(resolve, lookEvery));
      signal.throwIfAborted();
      now = await read<Generation>(`/v1/generations/${now.id}`);
    }
    if (now.status === 'completed') return now;
    throw new RefusedError(now.error?.code ?? now.status, now.error?.message ?? `The generation is ${now.status}.`);
  };

  return {
    /** One generation, of any modality, until it is done. */
    generate: async (body: JsonObject | FormData): Promise<Generation> =>
      finish((await (await post(body)).json()) as Generation),

    /** A streamed text generation. `onText` hears every piece; the last event brings the receipt. */
    stream: async (body: JsonObject, onText: (text: string) => void): Promise<Generation> => {
      const answer = await post({ ...body, stream: true });
      let done: Generation | undefined;
      const kinds = new Map<number, string>();
      for await (const { data } of readSse(answer.body!)) {
        const event = JSON.parse(data) as StreamedEvent;
        if (event.type === 'generation.part') kinds.set(event.index, event.part);
        if (event.type === 'generation.delta' && kinds.get(event.index) === 'text') onText(event.text ?? '');
        if (event.type === 'generation.completed') done = event.generation;
        if (event.type === 'error') throw new RefusedError(event.error.code, event.error.message);
      }
      if (!done) throw new RefusedError('cut_stream', 'The stream ended before its last event.');
      return done;
    },

    /** An output's bytes by its signed link: no key travels with it. */
    download: async (link: string): Promise<Uint8Array> => {
      const answer = await fetch(link, { signal });
      if (!answer.ok) throw new RefusedError(`http_${answer.status}`, `The output's link answered ${answer.status}.`);
      return new Uint8Array(await answer.arrayBuffer());
    },

    /** Ids of the models that can be asked now. */
    models: async (): Promise<Set<string>> => {
      const { data } = await read<{ data: { id: string; available: boolean }[] }>('/v1/models');
      return new Set(data.flatMap((model) => (model.available ? [model.id] : [])));
    },

    /** What the generations with one tag came to, by modality, simulated ones included. */
    spend: async (tag: string): Promise<SpendRow[]> => {
      const { rows } = await read<{ rows: SpendRow[] }>('/v1/spend?simulated=include&group_by=modality,tag');
      return rows.filter((row) => row.tag === tag);
    },

    /** The cost curve of a mix, and what a machine of one's own would change. */
    forecast: async (body: JsonObject): Promise<ForecastAnswer> =>
      (await (await post(body, '/v1/forecast')).json()) as ForecastAnswer,
  };
}
