import type { Json, JsonObject, Modality } from '../contract/index.ts';
import type { OpenAttempt } from './attempts.ts';
import type { Demand, Refusal } from './budget.ts';
import type { Delivery } from './deliveries.ts';
import type { ClaimedJob } from './jobs.ts';

export type NewGeneration = {
  id: string;
  keyId: string;
  modality: Modality;
  /** As asked: provider/model or alias. */
  model: string;
  simulated: boolean;
  at: number;
  /** Nothing but its attempt is worth a row: a text call at an SDK's door. */
  plain?: boolean;
  request?: JsonObject;
  warnings?: string[];
  /** What was asked and will not be honoured. */
  degradations?: Json[];
  /** Whom to tell about the end. `origin` is where this gateway is reached. */
  webhook?: { url: string; origin: string };
};

/** What became of the whole generation. */
export type Conclusion = {
  id: string;
  status: 'completed' | 'failed' | 'canceled';
  at: number;
  outputs?: Json[];
  /** Countable results: images, seconds, characters, tokens. */
  units?: Record<string, number>;
  warnings?: string[];
  degradations?: Json[];
  error?: JsonObject;
};

/** What goes with an attempt into its transaction. */
export type Beginning = {
  /** The most it can consume; needed where a budget covers it. */
  demand?: Demand;
  /** Pico-dollars to hold where no price is known. */
  ceiling?: bigint;
  /** Set for a media call, which may become a job. */
  job?: { leasedUntil: number; deadline: number };
  /** The request's Idempotency-Key. */
  idempotency?: string;
  /** Of a further attempt: the one whose holds it takes over. */
  after?: string;
  /** Of a further attempt: what the generation will not honour now, in place of what was said before. */
  degradations?: Json[];
};

/** `revoked`: the key ended meanwhile. `demand`: a budget covers the attempt, so its demand must be told. Nothing is written then. */
export type Begun = 'begun' | 'revoked' | 'demand' | Refusal;

/** What a runtime's timer finds to do. */
export type Work = {
  jobs: { job: ClaimedJob; attempt: OpenAttempt }[];
  deliveries: Delivery[];
  /** Attempts without a job that are open for longer than any call takes: their process is gone. */
  lost: OpenAttempt[];
};
