import type { DialectName, Json, JsonObject } from '../../../src/contract/index.ts';

export type ToolWords = { name: string; description: string; parameters: JsonObject };

/** One question, in no client's words. `history` holds the client's own messages. */
export type Ask = {
  model: string;
  history: unknown[];
  stream?: boolean;
  tools?: ToolWords[];
  schema?: JsonObject;
  thinks?: boolean;
  /** Top-level fields that the SDK has no types for. */
  unknown?: JsonObject;
  signal?: AbortSignal;
};

export type Call = { id: string; name: string; arguments: Json };

/** What the SDK made of the answer. */
export type Said = {
  text: string;
  reasoning: string;
  calls: Call[];
  /** True when the answer ended as one that is whole. */
  whole: boolean;
  /** Tokens as the SDK shows them: `input` with cached ones, `output` with thoughts. */
  usage: { input?: number; output?: number };
  /** The answer as the client's own messages, for the next question. */
  turn: unknown[];
};

/** A thrown error as its SDK told it. `type` is the class, found by instanceof. */
export type Failure = { type: string; status: number | undefined; code: string | undefined };

/** An official SDK pointed at the gateway. */
export type Client = {
  name: string;
  dialect: DialectName;
  user(text: string, image?: Uint8Array): unknown[];
  results(results: (Call & { output: string })[]): unknown[];
  /** Asks and folds the answer with the SDK's own means. */
  ask(ask: Ask): Promise<Said>;
  /** Reads a raw stream to its end; resolves with the number of events only if the SDK took it for a whole one. */
  drain(ask: Ask): Promise<number>;
  failure(thrown: unknown): Failure | undefined;
};

/** What the SDK sent and got, seen at its `fetch`. */
export type Exchange = { url: string; method: string; status: number; headers: Headers; answer(): string };

/** A fetch for an SDK that remembers its exchanges. */
export type Watch = { fetch: typeof fetch; exchanges: Exchange[]; generation(): string };

export function watch(): Watch {
  const exchanges: Exchange[] = [];
  const watched: typeof fetch = async (input, init) => {
    const answer = await fetch(input, init);
    let said = '';
    exchanges.push({
      url: input instanceof Request ? input.url : String(input),
      method: init?.method ?? (input instanceof Request ? input.method : 'GET'),
      status: answer.status,
      headers: answer.headers,
      answer: () => said,
    });
    if (!answer.body) return answer;
    const decoder = new TextDecoder();
    const follow = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        said += decoder.decode(chunk, { stream: true });
        controller.enqueue(chunk);
      },
    });
    return new Response(answer.body.pipeThrough(follow), answer);
  };
  return {
    fetch: watched,
    exchanges,
    generation: () => exchanges.at(-1)?.headers.get('x-atelier-generation') ?? 'no generation',
  };
}

export type Opening = { url: string; key: string; watch: Watch };

/** Undefined fields removed: SDK option types take no explicit undefined. */
export function given<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

/** The first class of the list, most special first, that a thrown value belongs to. */
export function classOf(thrown: unknown, classes: Record<string, new (...args: never[]) => unknown>): string {
  return Object.keys(classes).find((name) => thrown instanceof classes[name]!) ?? 'another class';
}
