import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { serveFilm } from './large-film.ts';

const mebi = 1024 * 1024;

it('a film of 60 MB passes through a process that hardly grows', async () => {
  const size = 60_000_000;
  const film = await serveFilm(size);
  try {
    const script = join(import.meta.dirname, 'keep-large.ts');
    const { stdout } = await promisify(execFile)(process.execPath, [script, `${film.origin}/film.mp4`]);
    const told = JSON.parse(stdout) as { output: { asset: string }; grown: number; files: string[] };
    expect(told.output).toMatchObject({ media_type: 'video/mp4', width: 64, height: 48, seconds: 2, bytes: size });
    expect(told.files).toEqual([told.output.asset]);
    expect(told.grown / mebi).toBeLessThan(40);
  } finally {
    film.close();
  }
});
