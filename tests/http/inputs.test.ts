import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, type Json, stringAt } from '../../src/contract/index.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { clientOf } from './doors.ts';
import { spoken } from './openai-media.ts';

type Fields = Record<string, string | File | (string | File)[]>;

const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

describe('fields of a wrong type', () => {
  let gateway: RunningGateway;
  const { post, spent } = clientOf(() => gateway);
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  it.each([
    ['/v1/images/generations', { prompt: 'x' }, { stream: 'yes' }],
    ['/v1/images/generations', { prompt: 'x' }, { params: 5 }],
    ['/v1/audio/speech', { input: 'x', voice: 'alloy' }, { user: -1 }],
    ['/v1/responses', { model: 'anthropic/claude-sonnet-5', input: 'x' }, { background: 'true' }],
    ['/v1/responses', { model: 'openai/gpt-5.5', input: 'x' }, { store: 0 }],
    ['/v1/generations', { modality: 'text', messages: [{ role: 'user', content: 'x' }] }, { input: 'y' }],
  ])('%s %j are not passed over: %j', async (path, body, wrong) => {
    const before = await spent();
    const answer = await post(path, { ...body, ...wrong });
    expect([answer.status, at(answer.body, 'error', 'param')]).toEqual([400, Object.keys(wrong)[0]]);
    expect(await spent()).toBe(before);
  });
});

describe('media given', () => {
  let gateway: RunningGateway;
  const { post, spent } = clientOf(() => gateway);
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  it('what is no picture is refused before it is sent, whatever it is called', async () => {
    const before = await spent();
    const data = btoa('hello, this is no picture');
    const image = { data, media_type: 'image/png' };
    for (const more of [{ images: [image] }, { images: [`data:image/png;base64,${data}`] }]) {
      const { status, body } = await post('/v1/generations', { model: 'openai/gpt-image-2', input: 'x', ...more });
      expect([status, at(body, 'error', 'param')]).toEqual([400, 'images']);
      expect(at(body, 'error', 'message')).toBe('images: These bytes are no image.');
    }
    const edit = { model: 'openai/gpt-image-2', prompt: 'x', images: [{ image_url: `data:image/png;base64,${data}` }] };
    const { status, body } = await post('/v1/images/edits', edit);
    expect([status, at(body, 'error', 'message')]).toEqual([400, 'image: These bytes are no image.']);
    const form = new FormData();
    form.set('model', 'openai/gpt-image-2');
    form.set('prompt', 'x');
    form.set('image', new File(['no picture'], 'a.png', { type: 'image/png' }));
    const uploaded = await fetch(`${gateway.url}/v1/images/edits`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.appKey}` },
      body: form,
    });
    expect([uploaded.status, uploaded.headers.get('x-atelier-error-code')]).toEqual([400, 'invalid_request']);
    expect(await spent()).toBe(before);
  });

  const form = (fields: Fields) => {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields))
      for (const one of [value].flat()) body.append(name, one as string);
    return fetch(`${gateway.url}/v1/generations`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.appKey}` },
      body,
    }).then(async (answer) => ({ status: answer.status, body: (await answer.json()) as Json }));
  };

  it('files of a form are what their modality takes, and none is passed over', async () => {
    const picture = new File([Uint8Array.from(atob(pixel), (letter) => letter.charCodeAt(0))], 'a.png');
    const draw = { model: 'openai/gpt-image-2', input: 'x', quality: 'low', size: '1024x1024' };
    const meters = (body: Json) =>
      (at(body, 'receipt', 'lines') as { meter: string }[]).map(({ meter }) => meter).includes('input_image_tokens');
    for (const name of ['file', 'image', 'images', 'images[]']) {
      const edited = await form({ ...draw, [name]: picture });
      expect([edited.status, meters(edited.body)], name).toEqual([200, true]);
    }
    const several = await form({ ...draw, 'images[]': [picture, picture] });
    expect(several.status).toBe(200);
    const sound = await spoken();
    for (const [fields, param] of [
      [{ ...draw, sound: picture }, 'sound'],
      [{ ...draw, file: sound }, 'file'],
      [{ model: 'openai/whisper-1', file: [sound, sound] }, 'file'],
      [{ model: 'openai/whisper-1', file: sound, audio: sound }, 'audio'],
      [{ model: 'openai/gpt-5.5', input: 'x', file: picture }, 'file'],
      [{ model: 'openai/whisper-1', file: sound, stream: 'perhaps' }, 'stream'],
      [{ model: 'openai/whisper-1', file: sound, tags: '{"a":' }, 'tags'],
    ] as const) {
      const { status, body } = await form(fields as Fields);
      expect([status, at(body, 'error', 'param')], JSON.stringify(fields)).toEqual([400, param]);
    }
    const heard = await form({
      model: 'openai/whisper-1',
      file: sound,
      timestamps: ['word', 'segment'],
      tags: '{"team":"red"}',
      'tags.job': '7',
    });
    expect(heard.body).toMatchObject({ status: 'completed', tags: { team: 'red', job: '7' } });
    expect((await form({ model: 'openai/whisper-1', file: sound, timestamps: '["word"]' })).status).toBe(200);
  });

  it('an own link that has expired is told from a wrong address', async () => {
    const made = await post('/v1/generations', {
      model: 'openai/gpt-image-2',
      input: 'x',
      size: '1024x1024',
      quality: 'low',
    });
    const link = new URL(stringAt(made.body, 'outputs', 0, 'url')!);
    const ask = (image: string) =>
      post('/v1/generations', { model: 'openai/gpt-image-2', input: 'x', quality: 'low', images: [image] });
    expect((await ask(link.href)).status).toBe(200);
    link.searchParams.set('e', '5');
    for (const image of [link.href, link.pathname + link.search]) {
      expect(at((await ask(image)).body, 'error', 'message')).toContain('has expired');
    }
  });
});
