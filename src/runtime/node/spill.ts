import { closeSync, existsSync, fsyncSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';

/**
 * What could not be written into a book and must not be forgotten: calls of its methods in a file beside it, each on the disk before it
 * is answered for.
 */
export class Spill {
  private readonly path: string;
  private file: number | undefined;

  constructor(path: string) {
    this.path = path;
  }

  get isEmpty(): boolean {
    return !existsSync(this.path);
  }

  /** Throws what the disk throws. */
  put(values: readonly unknown[]): void {
    this.file ??= openSync(this.path, 'a', 0o600);
    writeSync(this.file, `${serialize(values).toString('base64')}\n`);
    fsyncSync(this.file);
  }

  /** All of it, oldest first. A last line that was cut short was never answered for. */
  read(): unknown[][] {
    if (this.isEmpty) return [];
    const lines = readFileSync(this.path, 'latin1').split('\n');
    return lines.slice(0, -1).map((line) => deserialize(Buffer.from(line, 'base64')) as unknown[]);
  }

  clear(): void {
    this.close();
    if (!this.isEmpty) unlinkSync(this.path);
  }

  close(): void {
    if (this.file !== undefined) closeSync(this.file);
    this.file = undefined;
  }
}
