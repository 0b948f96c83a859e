import type { JsonObject } from '../../../src/contract/index.ts';

/**
 * A part of a candidate with what it costs. `hidden` parts (thoughts nobody asked to see) cost but are not sent; `free` ones are
 * sent but not counted. `steps` are how a long part is streamed.
 */
export type MadePart = {
  part: JsonObject;
  modality: 'TEXT' | 'IMAGE' | 'AUDIO';
  tokens: number;
  thought?: boolean;
  hidden?: boolean;
  song?: boolean;
  steps?: { part: JsonObject; tokens: number }[];
};

export type MadeCandidate = { parts: MadePart[]; finishReason: string; finishMessage?: string };
