import type { GatewayError } from './error.ts';
import type { Event } from './event.ts';
import type { Json, JsonObject } from './json.ts';
import type { TextAnswer, TextRequest } from './request.ts';

/** A wire language for text generation. */
export const dialectNames = ['openai-chat', 'openai-responses', 'anthropic-messages', 'gemini'] as const;
export type DialectName = (typeof dialectNames)[number];

/** One server-sent event as framed on the wire. */
export type SseFrame = { event?: string; data: string };

/** A request read or written, with what could not be carried over (one sentence each). */
export type Written = { body: JsonObject; warnings: string[] };

/**
 * A bidirectional codec between one wire dialect and the neutral words. Pure: no I/O, no clock.
 * `read…` turns wire into words, `write…` words into wire; each pair is inverse on what both can say.
 */
export type Dialect = {
  name: DialectName;
  /** What ids of answers begin with; none where this is left out. */
  idPrefix?: string;
  /** Throws GatewayError `invalid_request` naming the faulty field. */
  readRequest(body: Json, context?: { model?: string; stream?: boolean }): TextRequest;
  /** Fields of `request.extra` of this dialect are spread back; foreign ones become one warning each. */
  writeRequest(request: TextRequest): Written;
  readResponse(body: Json): TextAnswer;
  writeResponse(answer: TextAnswer): JsonObject;
  /** Neutral events of an upstream stream. Ends with `finish` or `error`; a stream that stops before its terminal marker yields `error`. */
  readEvents(frames: AsyncIterable<SseFrame>): AsyncIterable<Event>;
  /** Wire frames, including the dialect's terminal marker. */
  writeEvents(events: AsyncIterable<Event>): AsyncIterable<SseFrame>;
  /** The error of a non-2xx answer, or of an error body inside a 200. */
  readError(status: number, body: Json): { message: string; type?: string; code?: string };
  /** The error in this dialect's own envelope. */
  writeError(error: GatewayError, requestId?: string): JsonObject;
  /** What the straight path looks for in passing: no parsing of deltas. */
  scan: StreamScan;
  /** Frames as this client asked for them, e.g. without the usage chunk it did not request. */
  trimFrames?(frames: AsyncIterable<SseFrame>, request: JsonObject): AsyncIterable<SseFrame>;
  /** Throws for what must not reach a provider even where bytes pass straight: its account is shared, and some state in it is not ours to show. */
  refuse?(body: JsonObject): void;
  /** Request headers of this dialect that go along when bytes pass straight, e.g. a version or beta flags. */
  forwardedHeaders?: readonly string[];
};

/**
 * How to follow a passing stream without rebuilding it. Both work on one decoded `data:` payload.
 * `interesting` is a cheap substring test; only frames that pass it are parsed.
 */
export type StreamScan = {
  interesting(data: string): boolean;
  /** The raw usage object in this frame (merged over earlier ones), if any. */
  usage(frame: Json, before: Json | undefined): Json | undefined;
  /** True when this payload proves the stream complete. */
  terminal(data: string): boolean;
  /** An in-band error object, if this frame is one. */
  error?(frame: Json): Json | undefined;
  /** The raw usage object of a plain (not streamed) answer body. */
  usageOfBody(body: Json): Json | undefined;
  /** True for a payload that holds output, or the end: until then a stream may still be given up for another. */
  begins?(data: string): boolean;
  /** True where a piece of the stream says that an answer is whole, although `closer` is still to come. */
  closing?(data: string): boolean;
  /** The terminal frame, for servers that leave it out. */
  closer?: SseFrame;
};
