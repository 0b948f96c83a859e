import { createServer as createPlainServer, type RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { isPrivateHost } from '../../src/contract/index.ts';
import { openUrlDoor } from '../../src/runtime/node/open-url.ts';
import { makeCertificate } from './certificate.ts';

/** Stands for the public internet in these tests; everything else on this machine stays private. */
export const publicAddress = '127.0.0.2';
export const privateAddress = '127.0.0.1';
const names = ['files.example.com', 'other.example.com', 'third.example.com'];

type Answers = Record<string, string[][]>;

/**
 * A public server and a private one, both with certificates that are believed, and a name server that we script: what each name is
 * answered, time after time, the last answer for ever.
 */
export async function openPlaces() {
  const { key, cert } = makeCertificate(names);
  const seen = { public: [] as string[], private: [] as string[], asked: [] as string[] };
  let answer: RequestListener = (_, response) => void response.end();
  let answers: Answers = {};
  const listen = async (address: string, log: string[], secure: boolean) => {
    const listener: RequestListener = (request, response) => {
      log.push(`${request.headers.host?.split(':')[0]}${request.url}`);
      answer(request, response);
    };
    const server = secure ? createServer({ key, cert }, listener) : createPlainServer(listener);
    await new Promise<void>((resolve) => server.listen(0, address, resolve));
    return { server, port: (server.address() as AddressInfo).port };
  };
  const open = await listen(publicAddress, seen.public, true);
  const hidden = await listen(privateAddress, seen.private, true);
  const plain = await listen(privateAddress, seen.private, false);
  const door = openUrlDoor({
    authority: cert,
    isPrivate: (address) => address !== publicAddress && isPrivateHost(address),
    resolve: async (hostname) => {
      seen.asked.push(hostname);
      const planned = answers[hostname];
      const found = planned && (planned.length > 1 ? planned.shift() : planned[0]);
      if (!found) throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' });
      return found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    },
  });
  return {
    openUrl: door.openUrl,
    seen,
    /** A URL of the public server under one of its names, and of the private ones. */
    url: (path: string, name = names[0]!) => `https://${name}:${open.port}${path}`,
    hiddenUrl: (path: string, name = names[0]!) => `https://${name}:${hidden.port}${path}`,
    plainUrl: (path: string) => `http://${privateAddress}:${plain.port}${path}`,
    plan: (listener: RequestListener, planned: Answers = {}) => {
      answer = listener;
      answers = { ...Object.fromEntries(names.map((name) => [name, [[publicAddress]]])), ...planned };
      for (const list of Object.values(seen)) list.length = 0;
    },
    close: async () => {
      await door.close();
      for (const { server } of [open, hidden, plain]) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

export type Places = Awaited<ReturnType<typeof openPlaces>>;

export async function text(body: ReadableStream<Uint8Array>): Promise<string> {
  return new Response(body).text();
}
