import type { DialectName } from './dialect.ts';
import type { Json, JsonObject } from './json.ts';
import type { Modality } from './modality.ts';
import type { Operation } from './operation.ts';
import type { Part } from './part.ts';
import type { MediaModality, MediaRequestOf } from './request.ts';
import type { Meter, Usage } from './usage.ts';

/** The one door out, lent by the runtime. Accepts what SDKs pass: a string, URL or Request. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/**
 * Everything an adapter may use. It reads no environment and no clock, and owns no retry.
 * `model` is the provider's own model id; `baseUrl` has no trailing slash; `options` is the model's row of config/models.json.
 */
export type Call = {
  model: string;
  key: string;
  baseUrl: string;
  signal: AbortSignal;
  fetch: Fetch;
  /** Our id for this attempt: sent where the provider accepts a client id. */
  attemptId: string;
  options: JsonObject;
  /** Where the provider may say that a job has moved on: a reason to ask again, never believed by itself. */
  webhookUrl?: string;
  /** Set where the caller wants to see the work grow. */
  progress?: (progress: Progress) => void;
};

/**
 * What is there before the end. An image is a whole preview, `index` counting up; text and audio are the next piece.
 * A port that cannot show any leaves `Call.progress` alone.
 */
export type Progress = { fraction?: number; partial?: Part; index?: number };

/** Where a text request of one dialect goes. The bytes are the gateway's business. */
export type TextTarget = { url: string; headers: Record<string, string> };
export type TextPort = {
  [D in DialectName]?: (
    call: Pick<Call, 'model' | 'key' | 'baseUrl' | 'attemptId'> & { stream: boolean },
  ) => TextTarget;
};

/** A media capability. `submit` may finish at once; a job hands back a `ref` to poll. */
export type MediaPort<M extends MediaModality> = {
  submit(request: MediaRequestOf<M>, call: Call): Promise<Operation>;
  poll?(ref: Json, call: Call): Promise<Operation>;
  cancel?(ref: Json, call: Call): Promise<Operation>;
  /**
   * Names of the neutral request's fields that this model has a place for, `prompt` or `text` included. What a caller asks beside them
   * is told as a degradation (strict callers are refused). Absent: everything is honoured.
   */
  honours?(call: Pick<Call, 'model' | 'options'>): readonly FieldOf<M>[];
};

type FieldOf<M extends MediaModality> = Exclude<keyof MediaRequestOf<M>, 'modality' | 'params' | 'user'>;

/** What was seen of a finished call, for metering. `endpoint` is a DialectName or a media endpoint such as "images". */
export type Observed = {
  model: string;
  endpoint: string;
  modality: Modality;
  /** The raw usage object, if the answer had one. */
  usage?: Json;
  request?: Json;
  response?: Json;
  headers?: Record<string, string>;
  options?: JsonObject;
  /** Meters that the model has prices for: tells what is billed where an answer has no figures of its own. */
  sold?: readonly Meter[];
};

/**
 * One upstream as a value. Optional ports are its capabilities: a missing key means it cannot.
 * `readUsage` turns its raw figures into disjoint meters, or undefined when nothing can be known.
 */
export type Provider = {
  id: string;
  text?: TextPort;
  media?: { [M in MediaModality]?: MediaPort<M> };
  /** What its text dialect makes beside text: models that answer a conversation with pictures. */
  converses?: readonly Modality[];
  /** Helper endpoints that cost nothing and whose bytes pass: token counts, moderations. By endpoint name. */
  free?: { [endpoint: string]: TextPort[DialectName] };
  readUsage(observed: Observed): Usage | undefined;
  /** Reads what 401, 402, 403, 429 or 5xx mean here where the general rule is wrong. */
  isQuotaExhausted?(status: number, body: Json): boolean;
};
