import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mp4 } from '../../providers/simulators/media/mp4.ts';

const step = new Uint8Array(64 * 1024);

/**
 * An origin that serves `/film.mp4`: a real film of 64 × 48 pixels and 2 seconds whose data is preceded by filler up to `size` bytes, so
 * that its header comes last. Nothing of it is held. `/film.mp4?bytes=` asks for another size.
 */
export async function serveFilm(size: number) {
  const film = mp4({ width: 64, height: 48, seconds: 2, seed: 'large' });
  const view = new DataView(film.buffer, film.byteOffset, film.byteLength);
  const front = film.subarray(0, view.getUint32(0));
  const rest = film.subarray(front.length);
  const server = createServer(async (request, response) => {
    const [path, asked] = (request.url ?? '').split('?bytes=');
    if (path !== '/film.mp4') return void response.writeHead(404).end();
    const whole = Number(asked ?? size);
    const filler = whole - film.length;
    const header = new Uint8Array(8);
    new DataView(header.buffer).setUint32(0, filler);
    header.set(new TextEncoder().encode('free'), 4);
    response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': whole });
    const write = async (bytes: Uint8Array) => {
      if (!response.write(bytes)) await new Promise((resolve) => response.once('drain', resolve));
    };
    await write(front);
    await write(header);
    for (let left = filler - 8; left > 0; left -= step.length) await write(step.subarray(0, left));
    response.end(rest);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
