import type { JsonObject, Meter } from '../../../src/contract/index.ts';
import type { BilledCall, Charge } from '../bill.ts';
import { type Counts, detailsOf, totalOf } from './contents.ts';
import type { MadeCandidate, MadePart } from './made.ts';
import type { Input } from './request.ts';

/** Output so far, per kind. */
type Output = { text: number; image: number; audio: number; thoughts: number };

/** An answer being sent: what it says of itself, and what is billed for what has been sent. */
export type Reply = {
  input: Input;
  candidates: MadeCandidate[];
  head: JsonObject;
  tier?: string;
  /** Present where the input is what is billed (not for songs). */
  call: BilledCall;
};

const nothing = (): Output => ({ text: 0, image: 0, audio: 0, thoughts: 0 });

/** The whole answer in one body. */
export function plainReply(reply: Reply): JsonObject {
  const output = nothing();
  for (const candidate of reply.candidates) for (const part of candidate.parts) count(output, part, part.tokens);
  settle(reply, output, reply.candidates.flatMap((candidate) => candidate.parts).filter((part) => part.song).length);
  return {
    candidates: reply.candidates.map((candidate, index) => ({
      content: {
        ...(candidate.parts.length > 0
          ? { parts: candidate.parts.filter((part) => !part.hidden).map((part) => part.part) }
          : {}),
        role: 'model',
      },
      finishReason: candidate.finishReason,
      ...(candidate.finishMessage ? { finishMessage: candidate.finishMessage } : {}),
      index,
    })),
    usageMetadata: usageOf(reply, output),
    ...reply.head,
  };
}

/** The answer in chunks, each with the usage so far; the bill follows what has been taken. */
export function* streamedReply(reply: Reply): Generator<JsonObject> {
  const done = nothing();
  let songs = 0;
  for (const [index, candidate] of reply.candidates.entries()) {
    const chunks = candidate.parts.flatMap((part) => {
      const steps = part.steps?.length ? part.steps : [{ part: part.part, tokens: part.tokens }];
      return part.hidden ? [] : steps.map((step) => ({ made: part, ...step }));
    });
    for (const part of candidate.parts) if (part.hidden) count(done, part, part.tokens);
    let open: MadePart | undefined;
    let before = nothing();
    for (const [number, chunk] of chunks.entries()) {
      if (chunk.made !== open) {
        open = chunk.made;
        before = { ...done };
      }
      Object.assign(done, before);
      count(done, chunk.made, chunk.tokens);
      if (chunk.made.song) songs++;
      settle(reply, done, songs);
      const last = number === chunks.length - 1;
      yield {
        candidates: [
          {
            content: { parts: [chunk.part], role: 'model' },
            ...(last ? { finishReason: candidate.finishReason } : {}),
            index,
          },
        ],
        usageMetadata: usageOf(reply, done),
        ...reply.head,
      };
    }
    if (chunks.length > 0) continue;
    settle(reply, done, songs);
    const message: JsonObject = candidate.finishMessage ? { finishMessage: candidate.finishMessage } : {};
    yield {
      candidates: [{ content: { role: 'model' }, finishReason: candidate.finishReason, ...message, index }],
      usageMetadata: usageOf(reply, done),
      ...reply.head,
    };
  }
}

/** A prompt that was not let through: no candidates, but its tokens count. */
export function blockedReply(reply: Omit<Reply, 'candidates'>): JsonObject {
  return {
    promptFeedback: { blockReason: 'PROHIBITED_CONTENT' },
    usageMetadata: usageOf({ ...reply, candidates: [] }, nothing()),
    ...reply.head,
  };
}

function count(output: Output, part: MadePart, tokens: number): void {
  if (part.thought) output.thoughts += tokens;
  else if (part.modality === 'IMAGE') output.image += tokens;
  else if (part.modality === 'AUDIO') output.audio += tokens;
  else output.text += tokens;
}

/** Zero counts are left out, as the vendor does; text is the rest of the candidates' count that details do not name. */
function usageOf(reply: Omit<Reply, 'call'>, output: Output): JsonObject {
  const { counts, cached } = reply.input;
  const candidates = output.text + output.image + output.audio;
  const details = detailsOf({ IMAGE: output.image, AUDIO: output.audio });
  return {
    promptTokenCount: totalOf(counts),
    ...(candidates > 0 ? { candidatesTokenCount: candidates } : {}),
    totalTokenCount: totalOf(counts) + candidates + output.thoughts,
    ...(totalOf(cached) > 0 ? { cachedContentTokenCount: totalOf(cached) } : {}),
    promptTokensDetails: detailsOf(counts),
    ...(totalOf(cached) > 0 ? { cacheTokensDetails: detailsOf(cached) } : {}),
    ...(details.length > 0 ? { candidatesTokensDetails: details } : {}),
    ...(output.thoughts > 0 ? { thoughtsTokenCount: output.thoughts } : {}),
    ...(reply.tier ? { serviceTier: reply.tier } : {}),
  };
}

/** Puts what was sent so far on the bill. */
function settle(reply: Reply, output: Output, songs: number): void {
  put(reply.call.charges, 'output_text_tokens', output.text + output.thoughts);
  put(reply.call.charges, 'output_image_tokens', output.image);
  put(reply.call.charges, 'output_audio_tokens', output.audio);
  put(reply.call.charges, 'songs', songs);
}

function put(charges: Charge[], meter: Meter, quantity: number): void {
  if (quantity === 0) return;
  const known = charges.find((charge) => charge.meter === meter);
  const dims = charges[0]?.dims;
  if (known) known.quantity = quantity;
  else charges.push({ meter, quantity, ...(dims ? { dims } : {}) });
}

/** The invoice lines of the input: disjoint, documents with the text. */
export function inputCharges({ counts, cached }: Input, dims?: Charge['dims']): Charge[] {
  const fresh = (modality: keyof Counts) => (counts[modality] ?? 0) - (cached[modality] ?? 0);
  const lines: Charge[] = [
    { meter: 'input_text_tokens', quantity: fresh('TEXT') + fresh('DOCUMENT') },
    { meter: 'input_image_tokens', quantity: fresh('IMAGE') },
    { meter: 'input_audio_tokens', quantity: fresh('AUDIO') },
    { meter: 'input_video_tokens', quantity: fresh('VIDEO') },
    { meter: 'cached_input_tokens', quantity: (cached.TEXT ?? 0) + (cached.DOCUMENT ?? 0) + (cached.VIDEO ?? 0) },
    { meter: 'cached_input_image_tokens', quantity: cached.IMAGE ?? 0 },
    { meter: 'cached_input_audio_tokens', quantity: cached.AUDIO ?? 0 },
  ];
  return lines.filter((line) => line.quantity > 0).map((line) => (dims ? { ...line, dims } : line));
}
