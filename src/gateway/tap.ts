import { isObject, type Json, type StreamScan } from '../contract/index.ts';
import { isWhole } from './mend.ts';

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const nothing = new Uint8Array(0);
/** The longest event that is held until its end. */
const longest = 16 * 1024 * 1024;

/**
 * Follows a passing event stream: finds usage, the terminal marker and in-band errors without rebuilding it.
 * With `hideUsage` it holds back incomplete frames and drops the frame that exists only because we asked for usage.
 */
export class Tap {
  usage: Json | undefined;
  /** The answer (or frame) that carried the last usage: some prices depend on what stands beside it. */
  usageFrame: Json | undefined;
  terminal = false;
  error: Json | undefined;
  /** The answer is whole, although the terminal marker is still to come. */
  closing = false;
  /** Frames seen so far, errors aside: about one token each where a provider streams token by token. */
  frames = 0;
  private held: Uint8Array = nothing;
  private readonly scan: StreamScan;
  private readonly hideUsage: boolean;
  private readonly careful: boolean;
  /** Whole frames only are passed on. */
  private readonly framed: boolean;

  /** @param careful leaves out frames that cannot be read. */
  constructor(scan: StreamScan, hideUsage: boolean, careful = false) {
    this.scan = scan;
    this.hideUsage = hideUsage;
    this.careful = careful;
    this.framed = hideUsage || careful;
  }

  /** Takes a chunk; returns what to pass on, the same object wherever nothing is hidden. */
  push(chunk: Uint8Array): Uint8Array {
    const bytes = this.held.length === 0 ? chunk : joined(this.held, chunk);
    const end = lastBoundary(bytes);
    if (end === 0) {
      if (bytes.length > longest) throw new RangeError(`A streamed event is longer than ${longest} bytes.`);
      this.held = bytes;
      return this.framed ? nothing : chunk;
    }
    const region = end === bytes.length ? bytes : bytes.subarray(0, end);
    this.held = end === bytes.length ? nothing : bytes.slice(end);
    const kept = this.read(region);
    return this.framed ? kept : chunk;
  }

  /** What was held back when the stream ended in the middle of a frame. */
  end(): Uint8Array {
    const rest = this.held;
    this.held = nothing;
    if (rest.length === 0) return rest;
    const kept = this.read(rest);
    return this.framed ? kept : nothing;
  }

  private read(region: Uint8Array): Uint8Array {
    const text = decoder.decode(region);
    if (this.scan.closing?.(text)) this.closing = true;
    if (!this.careful && !this.scan.interesting(text)) {
      // One look at the last frame is enough: a terminal marker has nothing behind it.
      this.frames += countFrames(text);
      const start = text.lastIndexOf('data:');
      if (start >= 0 && this.scan.terminal(payload(text.slice(start)))) this.terminal = true;
      return region;
    }
    const blank = text.includes('\r') ? /\r?\n\r?\n/g : undefined;
    let passed = '';
    let kept = 0;
    for (let start = 0; start < text.length; ) {
      const end = frameEnd(text, start, blank);
      const frame = text.slice(start, end);
      if (frame.trim() !== '') {
        this.frames++;
        if (this.inspect(payload(frame))) {
          passed += text.slice(kept, start);
          kept = end;
        }
      }
      start = end;
    }
    return kept === 0 ? region : encoder.encode(passed + text.slice(kept));
  }

  /** Returns true when the frame is to be dropped. */
  private inspect(data: string): boolean {
    if (this.scan.terminal(data)) this.terminal = true;
    if (this.careful && data !== '' && !isWhole(data)) {
      this.frames--;
      return true;
    }
    if (!this.scan.interesting(data)) return false;
    let frame: Json;
    try {
      frame = JSON.parse(data) as Json;
    } catch {
      return false;
    }
    const usage = this.scan.usage(frame, this.usage);
    if (usage !== undefined && usage !== null) {
      this.usage = usage;
      this.usageFrame = isObject(frame) && isObject(frame.response) ? frame.response : frame;
    }
    const error = this.scan.error?.(frame);
    if (error !== undefined) {
      this.error ??= error;
      this.frames--;
    }
    if (!this.hideUsage || typeof frame !== 'object' || frame === null || Array.isArray(frame)) return false;
    return Array.isArray(frame.choices) && frame.choices.length === 0 && usage !== undefined;
  }
}

/** Where the frame that begins at `start` ends, its blank line included. */
function frameEnd(text: string, start: number, blank: RegExp | undefined): number {
  if (!blank) {
    const end = text.indexOf('\n\n', start);
    return end < 0 ? text.length : end + 2;
  }
  blank.lastIndex = start;
  return blank.exec(text) ? blank.lastIndex : text.length;
}

/** The data of one frame: its data lines, joined. */
function payload(frame: string): string {
  const line = frame.indexOf('\n');
  if (frame.startsWith('data:') && (line < 0 || line >= frame.length - 2) && !frame.includes('\r')) {
    return frame.slice(frame[5] === ' ' ? 6 : 5, line < 0 ? frame.length : line);
  }
  let data = '';
  for (const part of frame.split(/\r?\n/)) {
    if (part.startsWith('data:')) data += part.slice(part[5] === ' ' ? 6 : 5);
  }
  return data;
}

function countFrames(text: string): number {
  let count = 0;
  for (let place = text.indexOf('data:'); place >= 0; place = text.indexOf('data:', place + 5)) count++;
  return count;
}

/** The index just behind the last blank line, 0 if there is none. */
function lastBoundary(bytes: Uint8Array): number {
  for (let index = bytes.length - 1; index > 0; index--) {
    if (bytes[index] !== 10) continue;
    if (bytes[index - 1] === 10) return index + 1;
    if (bytes[index - 1] === 13 && bytes[index - 2] === 10) return index + 1;
  }
  return 0;
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
