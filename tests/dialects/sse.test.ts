import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SseFrame } from '../../src/contract/index.ts';
import { readSse, writeSse } from '../../src/dialects/sse.ts';
import { collect, cutAt, each, text, word } from './arbitrary.ts';

const encode = (value: string) => new TextEncoder().encode(value);
const read = (value: string, places: number[] = []) => collect(readSse(each(cutAt(encode(value), places))));
const every = (value: string) => Array.from(encode(value), (_, index) => index);

describe('readSse', () => {
  const stream =
    ': hello\n\nevent: one\ndata: {"a":"é👩‍🚀"}\n\nid: 3\nretry: 10\ndata: first\ndata: second\n\ndata: [DONE]\n\n';
  const frames: SseFrame[] = [{ event: 'one', data: '{"a":"é👩‍🚀"}' }, { data: 'first\nsecond' }, { data: '[DONE]' }];

  test.each([
    ['LF', stream],
    ['CRLF', stream.replaceAll('\n', '\r\n')],
    ['CR', stream.replaceAll('\n', '\r')],
    ['a BOM', `\ufeff${stream}`],
  ])('reads events framed with %s, whole and byte by byte', async (_, wire) => {
    expect(await read(wire)).toEqual(frames);
    expect(await read(wire, every(wire))).toEqual(frames);
  });

  test('ignores comments, keep-alives and events without data', async () => {
    expect(await read(': ping\n\n:\n\nevent: ping\n\n\n\ndata: x\n\n')).toEqual([{ data: 'x' }]);
  });

  test('keeps a whole last event whose blank line is missing, drops a cut one', async () => {
    expect(await read('data: {"a":1}\n\ndata: [DONE]')).toEqual([{ data: '{"a":1}' }, { data: '[DONE]' }]);
    expect(await read('data: {"a":1}\n\ndata: {"b":2}\n')).toHaveLength(2);
    expect(await read('data: {"a":1}\n\ndata: {"b":')).toEqual([{ data: '{"a":1}' }]);
    expect(await read('data: {"a":1}\n\ndata: [DO')).toEqual([{ data: '{"a":1}' }]);
  });

  test('fragmenting bytes anywhere changes nothing', async () => {
    const frame = fc.record({ event: word, data: text }, { requiredKeys: ['data'], noNullPrototype: true });
    const property = fc.asyncProperty(fc.array(frame), fc.array(fc.nat()), async (frames, places) => {
      const wire = frames.map(writeSse).join('');
      const whole = await read(wire);
      expect(await read(wire, places)).toEqual(whole);
      expect(whole).toEqual(frames.map((one) => ({ ...one, data: one.data.replace(/\r\n|\r/g, '\n') })));
    });
    await fc.assert(property);
  });

  test('refuses an event above 16 million characters', async () => {
    const megabyte = encode('x'.repeat(1024 * 1024));
    async function* endless() {
      yield encode('data: ');
      for (let index = 0; index < 40; index++) yield megabyte;
    }
    await expect(collect(readSse(endless()))).rejects.toMatchObject({ code: 'provider_garbage' });
  });

  test('reads a ReadableStream, and cancels it when the reader stops', async () => {
    let canceled = false;
    const source = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(encode('data: x\n\n')),
      cancel: () => {
        canceled = true;
      },
    });
    for await (const frame of readSse(source)) {
      expect(frame).toEqual({ data: 'x' });
      break;
    }
    expect(canceled).toBe(true);
  });

  test('passes on a connection error', async () => {
    const source = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new TypeError('terminated')),
    });
    await expect(collect(readSse(source))).rejects.toThrow('terminated');
  });
});
