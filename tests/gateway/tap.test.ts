import { describe, expect, it } from 'vitest';
import { at } from '../../src/contract/index.ts';
import { anthropicMessages } from '../../src/dialects/anthropic-messages.ts';
import { openaiChat } from '../../src/dialects/openai-chat.ts';
import { Tap } from '../../src/gateway/tap.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const word = (content: string) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`;
const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
const usageFrame = `data: ${JSON.stringify({ choices: [], usage })}\n\n`;
const done = 'data: [DONE]\n\n';
const whole = `${word('grün ')}${word('→ "usage": 🎨')}${usageFrame}${done}`;

/** Passes text through a tap in pieces of so many bytes; returns what a client would get. */
function pass(text: string, size: number, hideUsage: boolean, scan = openaiChat.scan) {
  const tap = new Tap(scan, hideUsage);
  const bytes = encoder.encode(text);
  let passed = '';
  const stream = new TextDecoder();
  for (let start = 0; start < bytes.length; start += size) {
    passed += stream.decode(tap.push(bytes.subarray(start, start + size)), { stream: true });
  }
  passed += stream.decode(tap.end());
  return { tap, passed };
}

describe('tap', () => {
  it('passes every byte and finds usage and end, however the stream is cut', () => {
    for (const text of [whole, whole.replaceAll('\n\n', '\r\n\r\n')]) {
      for (let size = 1; size <= encoder.encode(text).length; size++) {
        const { tap, passed } = pass(text, size, false);
        expect(passed).toBe(text);
        expect(tap.usage).toEqual(usage);
        expect(tap.terminal).toBe(true);
        expect(tap.error).toBeUndefined();
      }
    }
  });

  it('hides only the usage frame that we asked for, however the stream is cut', () => {
    for (const newline of ['\n\n', '\r\n\r\n']) {
      const text = whole.replaceAll('\n\n', newline);
      const wanted = text.replace(usageFrame.replace('\n\n', newline), '');
      for (let size = 1; size <= encoder.encode(text).length; size++) {
        const { tap, passed } = pass(text, size, true);
        expect(passed, `pieces of ${size}`).toBe(wanted);
        expect(tap.usage).toEqual(usage);
        expect(tap.terminal).toBe(true);
      }
    }
  });

  it('keeps a frame whose text speaks of usage, and usage that rides with a choice', () => {
    const mixed = `data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage })}\n\n`;
    const text = word('"usage": {"x":1}') + mixed + done;
    const { tap, passed } = pass(text, 1000, true);
    expect(passed).toBe(text);
    expect(tap.usage).toEqual(usage);
  });

  it('hands on the very same chunk where nothing is hidden', () => {
    const tap = new Tap(openaiChat.scan, false);
    const chunk = encoder.encode(word('a'));
    expect(tap.push(chunk)).toBe(chunk);
  });

  it('does not take text for the end', () => {
    const { tap } = pass(word('data: [DONE]') + word('[DONE]'), 1000, false);
    expect(tap.terminal).toBe(false);
    expect(tap.frames).toBeGreaterThanOrEqual(2);
  });

  it('finds an end without its blank line, and passes the rest once', () => {
    for (const hide of [false, true]) {
      const { tap, passed } = pass(`${word('a')}data: [DONE]`, 9, hide);
      expect(tap.terminal).toBe(true);
      expect(passed).toBe(`${word('a')}data: [DONE]`);
    }
  });

  it('finds an error, and does not count it as output', () => {
    const { tap } = pass(`${word('a')}data: {"error":{"message":"Too hot."}}\n\n`, 1000, false);
    expect(tap.error).toEqual({ message: 'Too hot.' });
    expect(tap.terminal).toBe(false);
    expect(tap.frames).toBe(1);
  });

  it('counts frames', () => {
    expect(pass('', 1, false).tap.frames).toBe(0);
    expect(pass(word('a') + word('b') + word('c'), 11, false).tap.frames).toBe(3);
    expect(pass(word('a') + word('b') + usageFrame, 11, false).tap.frames).toBe(3);
  });

  it('survives frames that are no JSON', () => {
    const text = `data: {"usage": {"broken\n\n: comment\n\nevent: ping\n\n${word('a')}${done}`;
    const { tap, passed } = pass(text, 1000, true);
    expect(passed).toBe(text);
    expect(tap.usage).toBeUndefined();
    expect(tap.terminal).toBe(true);
  });

  it("merges Anthropic's two usage reports and sees its end", () => {
    const frames = [
      { type: 'message_start', message: { id: 'm', usage: { input_tokens: 9, output_tokens: 1 } } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: '{"type":"message_stop"}' } },
      { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 7 } },
      { type: 'message_stop' },
    ];
    const text = frames.map((frame) => `event: ${frame.type}\ndata: ${JSON.stringify(frame)}\n\n`);
    const early = pass(text.slice(0, 2).join(''), 13, false, anthropicMessages.scan).tap;
    expect(early.terminal).toBe(false);
    const { tap, passed } = pass(text.join(''), 13, false, anthropicMessages.scan);
    expect(passed).toBe(text.join(''));
    expect(at(tap.usage, 'input_tokens')).toBe(9);
    expect(at(tap.usage, 'output_tokens')).toBe(7);
    expect(tap.terminal).toBe(true);
  });

  it('gives up on an event without end, instead of holding it all', () => {
    const tap = new Tap(openaiChat.scan, false);
    const megabyte = encoder.encode('x'.repeat(1 << 20));
    expect(() => {
      for (let count = 0; count < 20; count++) tap.push(megabyte);
    }).toThrow(RangeError);
    expect(decoder.decode(tap.end())).toBe('');
  });

  const bad = 'data: {"choices":[{"index":0,"del\n\n';
  const stop = 'event: message_stop\ndata: {"type":"message_stop"}\n\n';

  it.each([
    ['OpenAI', openaiChat.scan, done],
    ['Anthropic', anthropicMessages.scan, stop],
  ])('a stream of nothing but garbage has no frames and no end, whatever %s would call its end', (_, scan, marker) => {
    for (const careful of [false, true]) {
      for (const text of [bad + marker, bad.repeat(6) + marker, marker, bad.repeat(6)]) {
        for (const size of [7, 1000]) {
          const tap = new Tap(scan, false, careful);
          const bytes = encoder.encode(text);
          let passed = '';
          for (let start = 0; start < bytes.length; start += size) {
            passed += decoder.decode(tap.push(bytes.subarray(start, start + size)));
          }
          passed += decoder.decode(tap.end());
          expect([careful, text, tap.terminal, tap.frames]).toEqual([careful, text, false, 0]);
          // Whoever asked to have it left out gets no end of an answer that never was.
          expect(passed).toBe(careful ? '' : text);
        }
      }
    }
  });

  it('leaves out a few broken frames where it is careful, and gives up a stream of many', () => {
    const few = new Tap(openaiChat.scan, false, true);
    const kept = decoder.decode(few.push(encoder.encode(word('a') + bad.repeat(8) + done)));
    expect(kept).toBe(word('a') + done);
    expect([few.terminal, few.frames]).toEqual([true, 2]);
    const many = new Tap(openaiChat.scan, false, true);
    many.push(encoder.encode(word('a')));
    expect(() => {
      for (let count = 0; count < 9; count++) many.push(encoder.encode(bad));
    }).toThrow(RangeError);
    expect(many.frames).toBe(1);
  });

  it('holds a long event that comes in small pieces without copying it again and again', () => {
    const tap = new Tap(openaiChat.scan, false);
    const text = word('x'.repeat(8_000_000));
    const bytes = encoder.encode(text + done);
    const begun = performance.now();
    let passed = 0;
    for (let start = 0; start < bytes.length; start += 1_000) {
      passed += tap.push(bytes.subarray(start, start + 1_000)).length;
    }
    passed += tap.end().length;
    expect([passed, tap.terminal]).toEqual([bytes.length, true]);
    // Copied at each piece it would be 32 GB.
    expect(performance.now() - begun).toBeLessThan(2_000);
  });
});
