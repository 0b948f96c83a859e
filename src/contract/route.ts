import type { Modality } from './modality.ts';

/** How the models of a route are put in order for one request. */
export const strategies = ['fallback', 'weighted', 'cheapest', 'fastest', 'quality'] as const;
export type Strategy = (typeof strategies)[number];

/** When a model of a route is considered: every condition that is named must hold. */
export type Condition = {
  /** Tags of the request and their values; "*" stands for any value. */
  tags?: Record<string, string>;
  /** Characters of the request, inclusive. */
  minCharacters?: number;
  maxCharacters?: number;
  /** ISO 639-1 codes. A request whose language is not known meets no such condition. */
  languages?: string[];
  stream?: boolean;
  /** Whether the request brings tools. */
  tools?: boolean;
};

export type RouteModel = { model: string; weight?: number; quality?: number; when?: Condition };

/** What keeps a conversation with one model: its first user message, a request header, or a field of the body's `metadata`. */
export type Sticky = 'conversation' | { header: string } | { metadata: string };

/** A name that stands for several models of one modality. */
export type Route = {
  /** Asked as `name`; `name/modality` is asked as `name` where that modality is wanted (`auto/image`). */
  name: string;
  modality: Modality;
  strategy: Strategy;
  models: RouteModel[];
  /** Attempts in all. Default: 3, or one for each model. */
  attempts?: number;
  /** Whether a call whose outcome is not known may be made once more: by default by another model, for text. */
  duplicateOk?: boolean;
  /** Whether a stream that breaks off is gone on with by another model. */
  restart?: boolean;
  sticky?: Sticky;
};
