import type { Dims, ErrorCode, Json, MediaModality, Meter } from '../../src/contract/index.ts';

/** A JSON pointer (RFC 6901) in which `*` stands for every entry of a list or object. */
export type Pointer = string;

/**
 * Text with places: `{{prompt}}` is a value of the request, `{{seconds|10}}` one with a default, `{{lyrics?'user'|'none'}}` a
 * choice by what is there. `[[ --ar {{ratio}}]]` vanishes with its place. A place that is the whole text keeps its JSON type; a text with a
 * place that is absent vanishes. See `template.ts`; what places there are: `places.ts`.
 */
export type Template = string;

/** The modalities that can be described; embeddings are for the adapters of a dialect. */
export type HttpModality = Exclude<MediaModality, 'embedding'>;

/**
 * The `http` object of a row of config/providers.json with adapter "http": a generator as configuration.
 * Paths are below the row's base URL.
 */
export type HttpRow = {
  /** Sent with every call. Places: `key`, `key_id` and `key_secret` (around the first colon), `key_base64`, `token`. */
  auth?: { headers?: Record<string, Template>; query?: Record<string, Template> };
  /** A token that the key is exchanged for (OAuth client credentials); kept for `ttl` seconds, or until it is refused. Below an operator's own base URL, where there is one. */
  token?: HttpPayload & { url: string; path: Pointer; ttl?: number };
  /** Fixed headers. */
  headers?: Record<string, string>;
  /** Host names, with all below them, that a call may follow an address of the vendor's to: `poll.path` of "{{ref.url}}". */
  hosts?: string[];
  error?: HttpError;
  media: { [M in HttpModality]?: HttpWay | HttpWay[] };
};

/** At most one of these. `body` is a JSON template, `form` is multipart. */
export type HttpPayload = {
  body?: Json;
  form?: Record<string, Template>;
  urlencoded?: Record<string, Template>;
};

/** One request. `query` entries vanish with their places. */
export type HttpCall = HttpPayload & {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: Template;
  query?: Record<string, Template>;
  headers?: Record<string, Template>;
};

/**
 * One way to make a medium; of several, the first whose `when` is in the request. With `poll`, the answer to `submit` starts a job
 * and `ref` names what to keep of it; without, it is the result.
 */
export type HttpWay = {
  /** A field of the request, such as "images". */
  when?: string;
  submit: HttpCall & { answers?: 'json' | 'bytes' };
  ref?: Record<string, Pointer>;
  poll?: HttpCall & { every_ms?: number };
  /** Sent in this order; then the job is asked about once. */
  cancel?: HttpCall | HttpCall[];
  /** Absent: done as soon as there is an output. */
  status?: HttpStatus;
  outputs?: HttpOutput[];
  /** A number, or text such as "60%"; `scale` is what stands for the whole (default 1). */
  progress?: { pointer: Pointer; scale?: number };
  usage?: HttpMeter[];
  /** US dollars, as the vendor says. */
  reported_cost?: Pointer;
  /** What more is refused before it is sent. `max` counts characters, entries or the number itself. */
  limits?: Record<string, { min?: number; max?: number; allowed?: string[] }>;
  /** How a ratio becomes `{{width}}` and `{{height}}`: one megapixel in steps, or the sizes that the vendor takes. */
  pixels?: { step: number } | { sizes: Record<string, string> };
};

/** The vendor's words for where a job stands. `absent` is meant where there is no word yet. */
export type HttpStatus = {
  pointer: Pointer;
  queued?: string[];
  running?: string[];
  succeeded: string[];
  failed?: string[];
  canceled?: string[];
  absent?: 'queued' | 'running';
};

/** `path` makes an address below the base URL of what was found: places `item` or `item.field`. */
export type HttpOutput = {
  pointer: Pointer;
  as: 'url' | 'base64' | 'path' | 'text';
  media_type?: string;
  path?: Template;
};

/** What is billed: a figure (all found are added up), what was delivered, or a constant. */
export type HttpMeter = {
  meter: Meter;
  pointer?: Pointer;
  delivered?: true;
  quantity?: number;
  dims?: Dims;
};

/** How to read failures; the first pointer that finds something counts. */
export type HttpError = {
  message?: Pointer[];
  code?: Pointer[];
  /** Where an answer tells its real status, for vendors that refuse with 200. */
  status?: Pointer;
  /** What stands in a good answer; anything else there is a refusal. */
  accepted?: { pointer: Pointer; values: Json[] };
  /** The first whose `match` is part of the status, code or message, whatever its case. */
  codes?: { match: string; code: ErrorCode }[];
};
