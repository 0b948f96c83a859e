/** What a file's headers tell. `seconds` may have a fraction; `frames` counts pictures of an animation or a video. */
export type Probe = {
  mediaType: string;
  kind: 'image' | 'audio' | 'video' | 'model3d';
  width?: number;
  height?: number;
  seconds?: number;
  frames?: number;
};

/** One format's probe: undefined unless the bytes are of that format. `size` is that of the whole file. */
export type FormatProbe = (bytes: Uint8Array, size: number) => Probe | undefined;

/** Unsigned number of `count` bytes, most significant first; bytes beyond the end are 0. */
export function big(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let step = 0; step < count; step++) value = value * 256 + (bytes[at + step] ?? 0);
  return value;
}

/** Unsigned number of `count` bytes, least significant first; bytes beyond the end are 0. */
export function little(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let step = count - 1; step >= 0; step--) value = value * 256 + (bytes[at + step] ?? 0);
  return value;
}

/** Whether this text (one character a byte) stands there. */
export function has(bytes: Uint8Array, at: number, text: string): boolean {
  for (let step = 0; step < text.length; step++) if (bytes[at + step] !== text.charCodeAt(step)) return false;
  return true;
}

/** Four bytes as text. */
export function tag(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

/** Width and height, where both are there and positive. */
export function dimensions(width: number, height: number): { width?: number; height?: number } {
  return width > 0 && height > 0 ? { width, height } : {};
}

/** A duration, where `rate` is positive and the outcome a finite number. */
export function duration(amount: number, rate: number): { seconds?: number } {
  const seconds = amount / rate;
  return rate > 0 && amount >= 0 && Number.isFinite(seconds) ? { seconds } : {};
}
