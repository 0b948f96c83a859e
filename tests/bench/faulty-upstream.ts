import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { png } from '../../providers/simulators/media/png.ts';
import { random } from '../../providers/simulators/seed.ts';
import { answerMeters, chatAnswer, chatFrames, holdWords } from './answers.ts';
import {
  type CallKind,
  type Fault,
  faultsOf,
  imageInput,
  type Received,
  slowMs,
  slowProvider,
  unbilledFaults,
  unknownFaults,
} from './mix.ts';

/**
 * Fast fake vendors in a process of their own, one under each path prefix, that fail a seeded share of their requests. Every request is
 * written down with its attempt id and with what the vendor bills for it: the oracle for the gateway's ledger.
 */

/** Asks for the state; before that, sets how it fails from now on, or writes its records to a file. */
export type UpstreamOrder = { faults?: { share: number; seed: string }; dump?: string };
export type UpstreamState = { port: number; open: number };

/** Frames of a stream. */
const events = 24;
const framesBeforeFault = 8;
/** Milliseconds in which what was written before a connection breaks can arrive. */
const breakAfter = 30;

/** Vendors whose streams tell their usage without being asked. */
const tellsUnasked = ['mistral', 'groq'];
const variants = Array.from({ length: 16 }, (_, index) => answerMeters.output_text_tokens + index * 7);
const plain = new Map(variants.map((tokens) => [tokens, Buffer.from(chatAnswer(tokens))]));
const streams = new Map(
  variants.map((tokens) => [tokens, [false, true].map((withUsage) => chatFrames(withUsage, events, tokens))]),
);
const json = { 'content-type': 'application/json' };
const sse = { 'content-type': 'text/event-stream; charset=utf-8' };
const page = '<html><body><h1>Please stand by</h1></body></html>';

const records: Received[] = [];
let share = 0;
let dice = random('soak');
let turn = 0;
let open = 0;

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  open++;
  response.once('close', () => open--);
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => answer(request, response, chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
});

function answer(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  const [, provider = '', ...rest] = (request.url ?? '').split('/');
  const path = rest.slice(-2).join('/');
  const kind: CallKind | undefined =
    path === 'images/generations'
      ? 'image'
      : path !== 'chat/completions'
        ? undefined
        : body.includes('"stream":true')
          ? 'stream'
          : 'chat';
  if (!kind) {
    response.writeHead(404).end();
    return;
  }
  const faults = faultsOf[kind];
  const fault = dice.next() / 2 ** 32 < share ? faults[dice.below(faults.length)] : undefined;
  const record: Received = {
    attempt: String(request.headers['x-client-request-id'] ?? ''),
    provider,
    kind,
    billed: true,
    tokens: variants[dice.below(variants.length)]!,
    full: false,
    ...(fault ? { fault } : {}),
  };
  if (kind === 'image') record.tokens *= 16;
  if (isOne(unbilledFaults, fault)) record.billed = false;
  // What became of a call whose answer was lost is anybody's guess.
  if (isOne(unknownFaults, fault)) record.billed = turn++ % 2 === 0;
  records.push(record);
  const go = () => (fault ? fail(record, fault, request, response) : succeed(record, response, body));
  if (provider === slowProvider) setTimeout(go, slowMs);
  else go();
}

function succeed(record: Received, response: ServerResponse, body: Buffer): void {
  if (record.kind === 'stream') {
    const withUsage = body.includes('"include_usage":true') || tellsUnasked.includes(record.provider);
    const frames = streams.get(record.tokens)![withUsage ? 1 : 0]!;
    response.writeHead(200, sse);
    // Its caller leaves.
    if (body.includes(holdWords)) {
      response.write(frames[0]);
      return;
    }
    for (const frame of frames) response.write(frame);
    response.end();
  } else {
    const whole = wholeAnswer(record);
    response.writeHead(200, { ...json, 'content-length': whole.length }).end(whole);
  }
  record.full = true;
}

function isOne(faults: readonly Fault[], fault: Fault | undefined): boolean {
  return fault !== undefined && faults.includes(fault);
}

let picture: string | undefined;

function wholeAnswer({ kind, tokens }: Received): Buffer {
  if (kind !== 'image') return plain.get(tokens)!;
  picture ??= Buffer.from(png({ width: 64, height: 64, seed: 'soak' })).toString('base64');
  const usage = {
    total_tokens: imageInput + tokens,
    input_tokens: imageInput,
    output_tokens: tokens,
    input_tokens_details: { text_tokens: imageInput, image_tokens: 0 },
    output_tokens_details: { image_tokens: tokens, text_tokens: 0 },
  };
  const settings = { background: 'opaque', output_format: 'png', quality: 'low', size: '1024x1024' };
  return Buffer.from(JSON.stringify({ created: 1_795_305_600, ...settings, data: [{ b64_json: picture }], usage }));
}

function fail(record: Received, fault: Fault, request: IncomingMessage, response: ServerResponse): void {
  const refuse = (status: number, code: string, headers: Record<string, string> = {}) =>
    response
      .writeHead(status, { ...json, ...headers })
      .end(JSON.stringify({ error: { message: `A fault of the soak: ${fault}.`, type: code, param: null, code } }));
  const beginStream = () => {
    response.writeHead(200, sse);
    for (const frame of streams.get(record.tokens)![1]!.slice(0, framesBeforeFault)) response.write(frame);
  };
  switch (fault) {
    case 'limit':
      refuse(429, 'rate_limit_exceeded', { 'retry-after': '0' });
      return;
    case 'limit-later':
      refuse(429, 'rate_limit_exceeded', { 'retry-after': '1' });
      return;
    case 'error':
      refuse(500, 'server_error');
      return;
    case 'overload':
      refuse(503, 'overloaded');
      return;
    case 'garbage':
      response.writeHead(200, { 'content-type': 'text/html' }).end(page);
      return;
    case 'reset':
      request.socket.resetAndDestroy();
      return;
    case 'stall':
      return;
    case 'hush':
      beginStream();
      return;
    case 'cut':
      beginStream();
      setTimeout(() => request.socket.resetAndDestroy(), breakAfter);
      return;
    case 'half': {
      const whole = wholeAnswer(record);
      response.writeHead(200, { ...json, 'content-length': whole.length });
      response.write(whole.subarray(0, whole.length / 2));
      setTimeout(() => request.socket.destroy(), breakAfter);
      return;
    }
  }
}

if (process.send) {
  server.keepAliveTimeout = 120_000;
  const tell = () => process.send?.({ port: (server.address() as AddressInfo).port, open } satisfies UpstreamState);
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, tell);
  process.on('message', ({ faults, dump }: UpstreamOrder) => {
    if (faults) {
      share = faults.share;
      dice = random(faults.seed);
    }
    if (dump) writeFileSync(dump, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    tell();
  });
  process.on('disconnect', () => process.exit(0));
}
