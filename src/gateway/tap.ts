import { isObject, type Json, joinBytes, type StreamScan } from '../contract/index.ts';
import { isWhole, looksWhole, mostBroken } from './mend.ts';

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const nothing = new Uint8Array(0);
/** The longest event that is held until its end. */
const longest = 16 * 1024 * 1024;

/**
 * Follows a passing event stream: finds usage, the terminal marker and in-band errors without rebuilding it. Only whole frames pass:
 * behind half a frame nobody would understand that the stream broke off.
 * With `hideUsage` it drops the frame that exists only because we asked for usage.
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
  private held: Uint8Array[] = [];
  private heldBytes = 0;
  private broken = 0;
  /** Something could be read beside a bare terminal marker. A stream of which that is not true has no frames and no end. */
  private sound = false;
  private readonly scan: StreamScan;
  private readonly hideUsage: boolean;
  private readonly careful: boolean;

  /** @param careful leaves out frames that cannot be read. */
  constructor(scan: StreamScan, hideUsage: boolean, careful = false) {
    this.scan = scan;
    this.hideUsage = hideUsage;
    this.careful = careful;
  }

  /** Takes a chunk; returns what to pass on, the same object wherever nothing is hidden. */
  push(chunk: Uint8Array): Uint8Array {
    const tail = this.tail();
    const found = lastBoundary(tail.length === 0 ? chunk : joinBytes([tail, chunk]));
    if (found === 0) {
      this.hold(chunk);
      return nothing;
    }
    const end = found + this.heldBytes - tail.length;
    const bytes = this.release(chunk);
    if (end === bytes.length) return this.read(bytes);
    this.hold(bytes.slice(end));
    return this.read(bytes.subarray(0, end));
  }

  /** The last frame, where only its blank line is missing. Half a frame is left out. */
  end(): Uint8Array {
    const rest = this.release();
    const kept = rest.length > 0 && isWhole(payload(decoder.decode(rest))) ? this.read(rest) : nothing;
    if (!this.sound) this.frames = 0;
    return kept;
  }

  /** Pieces are joined once, when their frame is whole. */
  private hold(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.held.push(piece);
    this.heldBytes += piece.length;
    if (this.heldBytes > longest) throw new RangeError(`A streamed event is longer than ${longest} bytes.`);
  }

  private release(...more: Uint8Array[]): Uint8Array {
    const pieces = [...this.held, ...more];
    this.held = [];
    this.heldBytes = 0;
    return pieces.length === 1 ? pieces[0]! : joinBytes(pieces);
  }

  /** The end of what is held, as far as a blank line may begin in it. */
  private tail(): Uint8Array {
    let tail = nothing;
    for (let place = this.held.length - 1; place >= 0 && tail.length < 3; place--) {
      tail = joinBytes([this.held[place]!.slice(-3), tail]).slice(-3);
    }
    return tail;
  }

  private read(region: Uint8Array): Uint8Array {
    const text = decoder.decode(region);
    if (this.scan.closing?.(text)) this.closing = true;
    if (!this.careful && !this.scan.interesting(text)) {
      // One look at the last frame is enough: a terminal marker has nothing behind it.
      this.frames += countFrames(text);
      const start = text.lastIndexOf('data:');
      const last = start < 0 ? '' : payload(text.slice(start));
      const ends = last !== '' && this.scan.terminal(last);
      this.sound ||= ends ? this.isSound(text) : looksWhole(last);
      if (ends) this.conclude();
      return region;
    }
    const blank = text.includes('\r') ? /\r?\n\r?\n|\r\r/g : undefined;
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

  /** A marker that only says that the end is here proves nothing where nothing was read before it. */
  private conclude(): void {
    this.terminal ||= this.sound || this.scan.closer === undefined;
  }

  private isSound(text: string): boolean {
    const blank = /\r?\n\r?\n|\r\r/;
    return text.split(blank).some((frame) => {
      const data = payload(frame);
      return looksWhole(data) && !this.scan.terminal(data);
    });
  }

  /** Returns true when the frame is to be dropped. */
  private inspect(data: string): boolean {
    const ends = this.scan.terminal(data);
    const whole = this.careful ? isWhole(data) : looksWhole(data);
    this.sound ||= whole && !ends;
    if (this.careful && data !== '' && !whole) {
      this.frames--;
      if (++this.broken > mostBroken)
        throw new RangeError(`More than ${mostBroken} events of a stream cannot be read.`);
      return true;
    }
    if (ends) {
      this.conclude();
      if (this.careful && !this.terminal) return true;
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
  for (const part of frame.split(/\r\n|\n|\r/)) {
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
    const byte = bytes[index];
    if (byte !== 10 && byte !== 13) continue;
    if (bytes[index - 1] === byte) return index + 1;
    if (byte === 10 && bytes[index - 1] === 13 && bytes[index - 2] === 10) return index + 1;
  }
  return 0;
}
