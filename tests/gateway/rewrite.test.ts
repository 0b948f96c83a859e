import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/contract/index.ts';
import { rewriteRequest } from '../../src/gateway/rewrite.ts';

const rewrite = (text: string, to: string, quirks?: JsonObject, door = 'openai-chat') => {
  const body = JSON.parse(text) as JsonObject;
  const call = { text, body, asked: String(body.model), stream: body.stream === true, door: { name: door } };
  const rewritten = rewriteRequest(call, to, quirks);
  return { ...rewritten, body: JSON.parse(rewritten.text) as JsonObject };
};

describe('rewrite', () => {
  it('leaves a request as it came where nothing is to be changed', () => {
    const text = '{ "model":"gpt-5.5",\n "x":[1.0, 1e3,  "\\u00e9"], "big":12345678901234567890 }';
    expect(rewrite(text, 'gpt-5.5')).toMatchObject({ text, hideUsage: false });
  });

  it('renames the model where it stands, and keeps every other byte', () => {
    const text =
      '{"messages":[{"content":"\\"model\\":\\"openai/gpt-5.5\\""}], "model" : "openai/gpt-5.5","big":12345678901234567890}';
    expect(rewrite(text, 'gpt-5.5').text).toBe(text.replace('"model" : "openai/gpt-5.5"', '"model" : "gpt-5.5"'));
  });

  it('renames the right one when there are several', () => {
    const nested = rewrite('{"metadata":{"model":"openai/a"},"model":"openai/a"}', 'b').body;
    expect(nested).toEqual({ metadata: { model: 'openai/a' }, model: 'b' });
    const after = rewrite('{"model":"openai/a","metadata":{"model":"openai/a"}}', 'b').body;
    expect(after).toEqual({ metadata: { model: 'openai/a' }, model: 'b' });
    expect(rewrite('{"model":"x","model":"openai/a"}', 'b').body).toEqual({ model: 'b' });
    expect(rewrite('{"tools":[{"properties":{"model":{"type":"string"}}}],"model":"openai/a"}', 'b').body.model).toBe(
      'b',
    );
    expect(rewrite('{"model":"openai\\/a"}', 'b').body).toEqual({ model: 'b' });
  });

  it('writes names that need escaping', () => {
    expect(rewrite('{"model":"a"}', 'say "hi"\\\n').body.model).toBe('say "hi"\\\n');
    expect(rewrite('{"model":"a$&"}', '$&$1').body.model).toBe('$&$1');
  });

  it('asks a stream for its usage, and hides it again', () => {
    for (const text of [
      '{"model":"a","stream":true}',
      ' {"model":"a","stream":true} \n',
      '{"model":"a","stream":true,"stop":"}"}',
    ]) {
      const { body, hideUsage } = rewrite(text, 'a');
      expect(body.stream_options).toEqual({ include_usage: true });
      expect(hideUsage).toBe(true);
    }
    const kept = rewrite('{"model":"a","stream":true,"stream_options":{"include_obfuscation":false}}', 'a');
    expect(kept).toMatchObject({
      hideUsage: true,
      body: { stream_options: { include_obfuscation: false, include_usage: true } },
    });
    expect(rewrite('{"model":"a","stream":true,"stream_options":null}', 'a')).toMatchObject({
      hideUsage: true,
      body: { stream_options: { include_usage: true } },
    });
    const off = rewrite('{"model":"a","stream":true,"stream_options":{"include_usage":false}}', 'a');
    expect(off).toMatchObject({ hideUsage: true, body: { stream_options: { include_usage: true } } });
  });

  it('hides nothing that the caller asked for', () => {
    const text = '{"model":"a","stream":true,"stream_options":{"include_usage":true}}';
    expect(rewrite(text, 'a')).toMatchObject({ text, hideUsage: false });
  });

  it('asks for nothing elsewhere', () => {
    expect(rewrite('{"model":"a"}', 'a').body).toEqual({ model: 'a' });
    expect(rewrite('{"model":"a","stream":true}', 'a', undefined, 'anthropic-messages').body).toEqual({
      model: 'a',
      stream: true,
    });
    expect(rewrite('{"model":"a","stream":true}', 'a', { no_stream_options: true }).body).toEqual({
      model: 'a',
      stream: true,
    });
  });

  it('drops what the upstream cannot take', () => {
    const { body } = rewrite('{"model":"x/a","seed":1,"user":"u","top_p":1}', 'a', {
      drop: ['seed', 'user', 'logprobs'],
    });
    expect(body).toEqual({ model: 'a', top_p: 1 });
  });

  it('changes nothing but model and usage, whatever the request', () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), value),
        fc.string({ minLength: 1 }),
        fc.string({ minLength: 1 }),
        fc.boolean(),
        (rest, asked, to, stream) => {
          const before = JSON.parse(JSON.stringify({ ...rest, model: asked, stream })) as JsonObject;
          delete before.stream_options;
          const { body } = rewrite(JSON.stringify(before), to);
          const { stream_options: options, ...others } = body;
          expect(others).toEqual({ ...before, model: to });
          expect(options).toEqual(stream ? { include_usage: true } : undefined);
        },
      ),
    );
  });
});
