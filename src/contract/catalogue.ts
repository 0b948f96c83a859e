import type { DialectName } from './dialect.ts';
import type { JsonObject } from './json.ts';
import type { Modality } from './modality.ts';
import type { Dims, Meter } from './usage.ts';

/** A published price: `price` USD (decimal string, as printed by its source) for `per` units, from `from` until `until` (UTC dates, end exclusive). */
export type Price = {
  provider: string;
  /** The provider's own model id; "*" for every model that has no price of its own for the meter. */
  model: string;
  meter: Meter;
  price: string;
  per: string;
  /** All named dimensions must equal the usage's; more named dimensions win over fewer. */
  dims?: Dims;
  /** The least quantity that is billed, e.g. 10 seconds of audio. */
  minQuantity?: string;
  /** Applies when the whole input of one call exceeds this many tokens (a cliff). */
  contextOver?: number;
  from?: string;
  until?: string;
  /** True only for a price of 0 that its source states. */
  free?: boolean;
  source: string;
  checked: string;
};

/** Prices of models that the configured ones do not know, looked up when such a model is met. */
export type BasePrices = {
  /** Names this exact set, e.g. "genai-prices@0.1.8": part of the catalogue's hash wherever it was asked. */
  name: string;
  /** Empty where the provider is known and the model is not; undefined where the set has nothing of the provider. */
  of(provider: string, model: string): readonly Price[] | undefined;
};

/** A model row of config/models.json. */
export type Model = {
  /** provider/model */
  id: string;
  provider: string;
  /** The provider's own id. */
  upstream: string;
  modality: Modality;
  /** Input kinds beside text. */
  input?: string[];
  /** Typed ranges and enums of what may be asked. */
  capabilities?: JsonObject;
  /** The most output tokens one answer can have: the upper bound when none is asked for. */
  maxOutputTokens?: number;
  /** ISO date after which calls fail. */
  shutdownDate?: string;
  /** For adapters only, e.g. a Replicate version or the field a prompt goes in. */
  options?: JsonObject;
};

/** An upstream row of config/providers.json. */
export type ProviderRow = {
  id: string;
  /** The adapter: a file of providers/, or "openai-compatible". */
  adapter: string;
  baseUrl: string;
  /** Names of environment variables. */
  keyEnv?: string;
  baseUrlEnv?: string;
  /** True where no key is needed (self-hosted). */
  keyless?: boolean;
  dialects?: DialectName[];
  /** Declared differences of an otherwise compatible upstream. */
  quirks?: JsonObject;
  /** What to send and how to read the answers, for the adapter "http" (its form: providers/http/row.ts). */
  http?: JsonObject;
  /** A self-hosted machine's own price. */
  gpuHourUsd?: string;
  /** Asked what became of an attempt whose answer was lost; `{attempt}` is replaced. */
  lookupUrl?: string;
  name?: string;
};
