/** How much the newest call weighs, and milliseconds after which what was seen is no longer believed. */
const weight = 0.2;
const memory = 600_000;

/** How fast and how surely one model answers, as seen by this process. */
export class Statistics {
  private latency: number | undefined;
  private first: number | undefined;
  private success = 1;
  private at = 0;

  /** @param latency milliseconds to the end. @param first milliseconds to the first output, of a stream. */
  succeeded(now: number, latency: number, first?: number): void {
    this.at = now;
    this.success += weight * (1 - this.success);
    this.latency = mixed(this.latency, latency);
    if (first !== undefined) this.first = mixed(this.first, first);
  }

  failed(now: number): void {
    this.at = now;
    this.success -= weight * this.success;
  }

  /** Milliseconds that a good answer is expected to take, failures counted in; undefined where nothing recent is known. */
  expected(now: number, stream: boolean): number | undefined {
    const seen = (stream ? this.first : undefined) ?? this.latency;
    if (this.at === 0 || now - this.at > memory) return undefined;
    if (seen === undefined) return Number.POSITIVE_INFINITY;
    return seen / Math.max(0.01, this.success);
  }
}

function mixed(before: number | undefined, value: number): number {
  return before === undefined ? value : before + weight * (value - before);
}
