import { isObject, type Json, type StreamScan } from '../contract/index.ts';

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const nothing = new Uint8Array(0);

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
  /** Frames seen so far: about one token each where a provider streams token by token. */
  frames = 0;
  private held: Uint8Array = nothing;
  private readonly scan: StreamScan;
  private readonly hideUsage: boolean;

  constructor(scan: StreamScan, hideUsage: boolean) {
    this.scan = scan;
    this.hideUsage = hideUsage;
  }

  /** Takes a chunk; returns what to pass on, the same object wherever nothing is hidden. */
  push(chunk: Uint8Array): Uint8Array {
    const bytes = this.held.length === 0 ? chunk : joined(this.held, chunk);
    const end = lastBoundary(bytes);
    if (end === 0) {
      this.held = bytes;
      return this.hideUsage ? nothing : chunk;
    }
    const region = end === bytes.length ? bytes : bytes.subarray(0, end);
    this.held = end === bytes.length ? nothing : bytes.slice(end);
    const kept = this.read(region);
    return this.hideUsage ? kept : chunk;
  }

  /** What was held back when the stream ended in the middle of a frame. */
  end(): Uint8Array {
    const rest = this.held;
    this.held = nothing;
    if (rest.length === 0) return rest;
    const kept = this.read(rest);
    return this.hideUsage ? kept : nothing;
  }

  private read(region: Uint8Array): Uint8Array {
    const text = decoder.decode(region);
    const interesting = this.scan.interesting(text);
    if (!interesting) {
      // One look at the last frame is enough: a terminal marker has nothing behind it.
      this.frames += countFrames(text);
      const start = text.lastIndexOf('data:');
      if (start >= 0 && this.scan.terminal(payload(text.slice(start)))) this.terminal = true;
      return region;
    }
    let dropped = false;
    let passed = '';
    for (const frame of text.split(/(?<=\r?\n\r?\n)/)) {
      if (frame.trim() === '') continue;
      this.frames++;
      if (this.inspect(payload(frame))) dropped = true;
      else passed += frame;
    }
    return dropped ? encoder.encode(passed) : region;
  }

  /** Returns true when the frame is to be dropped. */
  private inspect(data: string): boolean {
    if (this.scan.terminal(data)) this.terminal = true;
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
    this.error ??= this.scan.error?.(frame);
    if (!this.hideUsage || typeof frame !== 'object' || frame === null || Array.isArray(frame)) return false;
    return Array.isArray(frame.choices) && frame.choices.length === 0 && usage !== undefined;
  }
}

/** The data of one frame: its data lines, joined. */
function payload(frame: string): string {
  let data = '';
  for (const line of frame.split(/\r?\n/)) {
    if (line.startsWith('data:')) data += line.slice(line[5] === ' ' ? 6 : 5);
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
