import type { Json, JsonObject } from '../../../src/contract/index.ts';
import { isObject } from '../../../src/contract/index.ts';
import type { Fault } from '../faults.ts';
import { wireHeader } from './answers.ts';
import { spoilMedia, withoutUsage, withUsageAgain } from './bodies.ts';
import { afterBytes, afterEvents, inChunks, mapFrames, withBody } from './frames.ts';

export type Altering = {
  request: Request;
  wait: (ms: number) => Promise<void>;
  /** The vendor's error body. */
  errorBody: () => Promise<Json>;
};

const codes: Record<string, string> = {
  'reset-bytes': 'ECONNRESET',
  'fin-bytes': 'UND_ERR_SOCKET',
  'short-length': 'UND_ERR_SOCKET',
  'bad-chunk': 'HPE_INVALID_CHUNK_SIZE',
};
const usual = { events: 1, bytes: 64 };

/** The vendor's answer with the fault in it; undefined where the fault does not work on an answer. */
export async function altered(fault: Fault, answer: Response, about: Altering): Promise<Response | undefined> {
  const { argument } = fault;
  const number = (otherwise: number) => (argument === undefined ? otherwise : Number.parseFloat(argument));
  switch (fault.name) {
    case 'cut':
      return afterEvents(answer, number(usual.events), 'end');
    case 'reset':
      return afterEvents(answer, number(usual.events), { break: 'ECONNRESET' });
    case 'stall-after': {
      const [events = usual.events, silence = Number.POSITIVE_INFINITY] = (argument ?? '')
        .split(':')
        .filter(Boolean)
        .map(Number);
      return afterEvents(answer, events, { silence, wait: about.wait });
    }
    case 'cut-bytes':
      return afterBytes(answer, number(usual.bytes));
    case 'reset-bytes':
    case 'fin-bytes':
    case 'bad-chunk':
      return afterBytes(answer, number(usual.bytes), codes[fault.name]);
    case 'short-length': {
      const short = afterBytes(answer, number(usual.bytes), codes[fault.name]);
      short.headers.set('content-length', String(number(usual.bytes) + 1_000));
      return short;
    }
    case 'truncated': {
      const short = afterBytes(answer, number(usual.bytes));
      short.headers.set(wireHeader, 'close');
      return short;
    }
    case 'bad-gzip': {
      const broken = afterBytes(answer, 10, 'Z_DATA_ERROR');
      broken.headers.set(wireHeader, 'bad-gzip');
      return broken;
    }
    case 'half-json': {
      const whole = await answer.text();
      return new Response(whole.slice(0, whole.length >> 1), { headers: { 'content-type': 'application/json' } });
    }
    case 'content-type': {
      const headers = new Headers(answer.headers);
      headers.set('content-type', argument ?? 'text/html');
      return new Response(answer.body, { status: answer.status, headers });
    }
    case 'drip':
      return inChunks(answer, 1, () => about.wait(number(1_000)));
    case 'split':
      return inChunks(answer, Math.max(1, number(1)));
    case 'merge':
      return withBody(answer, new Uint8Array(await answer.arrayBuffer()));
    case 'pace':
      return mapFrames(answer, async (frame, index) => {
        if (index > 0) await about.wait(number(50));
        return frame;
      });
    case 'empty-image':
    case 'bad-image':
      return spoilMedia(answer, fault.name === 'empty-image');
    case 'usage-missing':
      return mapFrames(answer, withoutUsage);
    case 'usage-twice':
      return mapFrames(answer, (frame) => withUsageAgain(frame, 1));
    case 'usage-decreasing':
      return mapFrames(answer, (frame) => withUsageAgain(frame, 0.5));
    default:
      return alteredEvents(fault.name, number, answer, about);
  }
}

const encoder = new TextEncoder();

async function alteredEvents(
  name: string,
  number: (otherwise: number) => number,
  answer: Response,
  about: Altering,
): Promise<Response | undefined> {
  const at = (chosen: number, change: (frame: string) => string | Uint8Array | string[]) =>
    mapFrames(answer, (frame, index) => (index === chosen ? change(frame) : frame));
  switch (name) {
    case 'sse-no-blank':
      return mapFrames(answer, (frame) => frame.replace(/\n\n$/, '\n'));
    case 'sse-cr':
      return mapFrames(answer, (frame) => frame.replaceAll('\n', '\r'));
    case 'sse-crlf':
      return mapFrames(answer, (frame) => frame.replaceAll('\n', '\r\n'));
    case 'sse-bom':
      return mapFrames(answer, (frame) => frame, new Uint8Array([0xef, 0xbb, 0xbf]));
    case 'sse-no-space':
      return mapFrames(answer, (frame) => frame.replace(/^(data|event): /gm, '$1:'));
    case 'sse-comments':
      return mapFrames(answer, (frame) => [': keep-alive\n\n', frame]);
    case 'sse-ids':
      return mapFrames(answer, (frame, index) => `id: ${index}\nretry: 3000\n${frame}`);
    case 'sse-long-line':
      return mapFrames(answer, (frame, index) =>
        index === 0 ? [`: ${'x'.repeat(number(1_024) * 1_024)}\n\n`, frame] : frame,
      );
    case 'bad-event':
      return at(number(1), (frame) => frame.replace(/^(data: ?)(.*)$/m, (_, start, data) => start + half(data)));
    case 'bad-utf8':
      return at(number(1), (frame) => {
        const bytes = encoder.encode(frame);
        const place = bytes.lastIndexOf('"'.charCodeAt(0));
        if (place > 0) bytes[place - 1] = 0xff;
        return bytes;
      });
    case 'duplicate-event':
      return at(number(1), (frame) => [frame, frame]);
    case 'no-end':
      return mapFrames(answer, (frame, _, last) => (last ? undefined : frame));
    case 'error-event': {
      const body = await about.errorBody();
      const responses = new URL(about.request.url).pathname.endsWith('/responses');
      const error: JsonObject = isObject(body) && isObject(body.error) ? body.error : {};
      const data = responses ? { type: 'error', sequence_number: number(1), ...error } : body;
      let over = false;
      return mapFrames(answer, (frame, index) => {
        if (index < number(1)) return frame;
        if (over) return undefined;
        over = true;
        return `${/^event:/m.test(frame) ? 'event: error\n' : ''}data: ${JSON.stringify(data)}\n\n`;
      });
    }
    default:
      return undefined;
  }
}

const half = (text: string) => text.slice(0, Math.max(1, text.length >> 1));
