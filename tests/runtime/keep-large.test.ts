import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { serveFilm } from './large-film.ts';

const mebi = 1024 * 1024;
const film = { media_type: 'video/mp4', width: 64, height: 48, seconds: 2 };

it('a film of 60 MB passes through a process that hardly grows, and five of them in one, too', async () => {
  const server = await serveFilm(60_000_000);
  try {
    const script = join(import.meta.dirname, 'keep-large.ts');
    const urls = [`${server.origin}/film.mp4`, `${server.origin}/film.mp4?bytes=300000000`];
    const { stdout } = await promisify(execFile)(process.execPath, [script, ...urls]);
    const [first, second, end] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(first.output).toMatchObject({ ...film, bytes: 60_000_000 });
    expect(second.output).toMatchObject({ ...film, bytes: 300_000_000 });
    expect(end.files.sort()).toEqual([first.output.asset, second.output.asset].sort());
    // What has been read waits for the collector, which lets up to 64 MB of buffers lie: the second time there is nothing new to wait for.
    console.info(`grown by ${Math.round(first.grown / mebi)} and ${Math.round(second.grown / mebi)} MiB`);
    expect(first.grown / mebi).toBeLessThan(55);
    expect(second.grown / mebi).toBeLessThan(40);
  } finally {
    server.close();
  }
});
