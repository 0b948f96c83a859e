import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Fetch } from '../../../src/contract/index.ts';
import { systemClock } from '../clock.ts';
import { recorder } from '../record.ts';
import { replayer } from '../replay.ts';
import type { MediaShelf, Tape } from '../tape.ts';
import { type Listening, listen } from './listen.ts';

/** Tapes and their media in a folder: `<provider>-<fingerprint>-<turn>.json`, `media/<sha-256>`. */
export function tapeFolder(folder: string) {
  const shelf: MediaShelf = {
    put: async (name, bytes) => {
      await mkdir(join(folder, 'media'), { recursive: true });
      await writeFile(join(folder, 'media', name), bytes);
    },
    get: async (name) => {
      if (!/^[0-9a-f]{64}$/.test(name)) throw new Error(`"${name}" is no name of media.`);
      return new Uint8Array(await readFile(join(folder, 'media', name)));
    },
  };
  return {
    shelf,
    keep: async (tape: Tape) => {
      await mkdir(folder, { recursive: true });
      const name = `${tape.provider}-${tape.fingerprint}-${tape.turn}.json`;
      await writeFile(join(folder, name), `${JSON.stringify(tape, null, 2)}\n`);
    },
    read: async (): Promise<Tape[]> => {
      const files = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
      return Promise.all(files.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8')) as Tape));
    },
  };
}

/** A server between an SDK, or the gateway, and a vendor: keeps every call in `folder`. */
export function startRecorder(options: {
  provider: string;
  to: string;
  folder: string;
  port?: number;
}): Promise<Listening> {
  const { shelf, keep } = tapeFolder(options.folder);
  const { provider, to } = options;
  const pass: Fetch = (input, init) => globalThis.fetch(input, init);
  const record = recorder({ provider, to, pass, now: Date.now, shelf, keep });
  return listen((request) => record(request), options.port);
}

/** A server that answers from the tapes of `folder`. @param options.timed keeps the recorded time between chunks. */
export async function startReplay(options: { folder: string; port?: number; timed?: boolean }): Promise<Listening> {
  const { shelf, read } = tapeFolder(options.folder);
  const clock = options.timed ? systemClock() : undefined;
  const replay = replayer({ tapes: await read(), shelf, ...(clock ? { clock } : {}) });
  return listen((request) => replay(request), options.port);
}
