import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chatAnswer, chatFrames, holdWords } from './answers.ts';

/**
 * A fast fake OpenAI upstream in its own process: constant answers over node:http. It counts what it served by credential, as a
 * vendor bills: the oracle for the gateway's ledger. Reports its port to its parent, and its counts when asked;
 * `forget` begins them anew. A request with the hold words gets one event and then silence; `held` counts those still open.
 */
const plain = Buffer.from(chatAnswer());
const plainHeaders = { 'content-type': 'application/json', 'content-length': plain.length };
const streamHeaders = { 'content-type': 'text/event-stream; charset=utf-8' };
const frames = [false, true].map((withUsage) => chatFrames(withUsage).map((frame) => Buffer.from(frame)));
let served: Record<string, number> = {};
let held = 0;

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    const payer = request.headers.authorization ?? '';
    served[payer] = (served[payer] ?? 0) + 1;
    if (request.url !== '/v1/chat/completions') {
      response.writeHead(404).end();
      return;
    }
    if (!body.includes('"stream":true')) {
      response.writeHead(200, plainHeaders).end(plain);
      return;
    }
    response.writeHead(200, streamHeaders);
    const answer = frames[body.includes('"include_usage":true') ? 1 : 0]!;
    if (body.includes(holdWords)) {
      held++;
      response.once('close', () => held--);
      response.write(answer[0]);
      return;
    }
    for (const frame of answer) response.write(frame);
    response.end();
  });
});
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));

process.on('message', (question: { forget?: boolean }) => {
  if (question.forget) served = {};
  process.send?.({ served, held });
});
process.on('disconnect', () => process.exit(0));
