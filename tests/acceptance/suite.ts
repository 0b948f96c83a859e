import { decode as decodePng } from 'fast-png';
import { parseBuffer } from 'music-metadata';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pico } from '../support/money.ts';

/** A running gateway, whatever runs it. */
export type Target = {
  /** Where its links point to and SDKs connect. */
  url: string;
  appKey: string;
  adminKey: string;
  fetch: typeof fetch;
  close(): Promise<void>;
};

type Generation = {
  id: string;
  status: string;
  modality: string;
  model: string;
  outputs: {
    type: string;
    url: string;
    text: string;
    media_type: string;
    width: number;
    height: number;
    seconds: number;
    vector: number[];
  }[];
  receipt: { total: string; status: string; lines: { meter: string; quantity: string; amount: string }[] };
  simulated: boolean;
};

/** The main job, shown through HTTP alone: the same on Node and on Workers. */
export function acceptance(runtime: string, start: () => Promise<Target>): void {
  describe(`acceptance on ${runtime}`, () => {
    let target: Target;
    const receipts: string[] = [];

    const send = (path: string, init: RequestInit = {}, key = target.appKey) =>
      target.fetch(`${target.url}${path}`, { ...init, headers: { authorization: `Bearer ${key}`, ...init.headers } });
    const post = (path: string, body: unknown, headers: Record<string, string> = {}, key?: string) =>
      send(
        path,
        { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } },
        key,
      );
    const generate = async (body: unknown): Promise<Generation> => {
      const answer = await post('/v1/generations', body);
      const generation = (await answer.json()) as Generation;
      expect(answer.status, JSON.stringify(generation)).toBe(200);
      expect(generation.status).toBe('completed');
      expect(generation.receipt.status).toBe('priced');
      expect(answer.headers.get('x-atelier-cost-usd')).toBe(generation.receipt.total);
      expect(answer.headers.get('x-atelier-simulated')).toBe('true');
      receipts.push(generation.receipt.total);
      return generation;
    };
    const download = async (url: string) => {
      const answer = await target.fetch(url);
      expect(answer.status).toBe(200);
      return { bytes: new Uint8Array(await answer.arrayBuffer()), answer };
    };
    /** Forms as bytes: the fetch of another realm does not know ours. */
    const packed = async (input: string | URL | Request, init: RequestInit = {}) => {
      if (!(init.body instanceof FormData)) return target.fetch(input, init);
      const form = new Response(init.body);
      const headers = new Headers(init.headers);
      headers.set('content-type', form.headers.get('content-type')!);
      return target.fetch(input, { ...init, headers, body: await form.arrayBuffer() });
    };

    beforeAll(async () => {
      target = await start();
    }, 60_000);
    afterAll(() => target?.close());

    it('answers /healthz without a key', async () => {
      const answer = await target.fetch(`${target.url}/healthz`);
      expect(answer.status).toBe(200);
    });

    for (const model of [
      'openai/gpt-5.5',
      'anthropic/claude-sonnet-5',
      'google/gemini-3.8-flash',
      'mistral/mistral-large-2512',
    ]) {
      it(`makes text with ${model}`, async () => {
        const generation = await generate({ model, input: 'Say exactly: the lamp is lit' });
        expect(generation.outputs.at(-1)).toMatchObject({ type: 'text', text: 'the lamp is lit' });
      });
    }

    it('streams text and ends with the receipt', async () => {
      const answer = await post('/v1/generations', {
        modality: 'text',
        input: 'Say exactly: one two three four',
        stream: true,
      });
      const frames = (await answer.text())
        .trim()
        .split('\n\n')
        .map((frame) => JSON.parse(frame.split('data: ')[1]!));
      expect(frames[0].type).toBe('generation.created');
      expect(frames.flatMap((frame) => (frame.type === 'generation.delta' ? [frame.text] : [])).join('')).toContain(
        'one two three four',
      );
      const last = frames.at(-1);
      expect(last.type).toBe('generation.completed');
      expect(last.generation).toMatchObject({ id: frames[0].id, status: 'completed', receipt: { status: 'priced' } });
      receipts.push(last.generation.receipt.total);
    });

    it('makes an image of the asked size', async () => {
      const generation = await generate({
        model: 'openai/gpt-image-2',
        input: 'a lighthouse at dusk',
        size: '1536x1024',
      });
      const { bytes, answer } = await download(generation.outputs[0]!.url);
      expect(answer.headers.get('content-type')).toBe('image/png');
      const image = decodePng(bytes);
      expect([image.width, image.height]).toEqual([1536, 1024]);
      expect(generation.outputs[0]).toMatchObject({ width: 1536, height: 1024, media_type: 'image/png' });
    });

    it('makes images as a polled job', async () => {
      const generation = await generate({ model: 'replicate/black-forest-labs/flux-schnell', input: 'harbour', n: 2 });
      expect(generation.outputs).toHaveLength(2);
      expect(generation.receipt.lines).toMatchObject([{ meter: 'images', quantity: '2' }]);
    });

    it('answers 202 when the wait is over, and can be read later', async () => {
      const answer = await post('/v1/generations', {
        model: 'replicate/meta/musicgen',
        input: 'waltz',
        seconds: 4,
        wait: 0,
      });
      expect(answer.status).toBe(202);
      let generation = (await answer.json()) as Generation;
      for (let tries = 0; generation.status !== 'completed' && tries < 100; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        generation = (await (await send(`/v1/generations/${generation.id}`)).json()) as Generation;
      }
      expect(generation.status).toBe('completed');
      const { bytes } = await download(generation.outputs[0]!.url);
      const audio = await parseBuffer(bytes);
      expect(audio.format.duration).toBeCloseTo(4, 1);
      receipts.push(generation.receipt.total);
    });

    for (const [model, format] of [
      ['openai/gpt-4o-mini-tts', 'mp3'],
      ['google/gemini-3.8-flash-tts', 'wav'],
    ] as const) {
      it(`speaks with ${model}, and hears its own words`, async () => {
        const text = 'The keeper counts the waves before the storm.';
        const speech = await generate({ model, input: text, format });
        const { bytes } = await download(speech.outputs[0]!.url);
        const audio = await parseBuffer(bytes);
        expect(audio.format.duration).toBeCloseTo(text.length / 15, 0);
        expect(speech.outputs[0]!.seconds).toBeCloseTo(audio.format.duration!, 1);
        // By link, by upload and by data.
        const heard = await generate({ modality: 'transcription', input: speech.outputs[0]!.url });
        expect(heard.outputs[0]!.text).toBe(text);
        const form = new FormData();
        form.set('model', 'openai/whisper-1');
        form.set('file', new File([bytes as BlobPart], `speech.${format}`));
        const packed = new Response(form);
        const uploaded = await send('/v1/generations', {
          method: 'POST',
          body: await packed.arrayBuffer(),
          headers: { 'content-type': packed.headers.get('content-type')! },
        });
        const generation = (await uploaded.json()) as Generation;
        expect(uploaded.status, JSON.stringify(generation)).toBe(200);
        expect(generation.outputs[0]!.text).toBe(text);
        receipts.push(generation.receipt.total);
        const data = `data:${speech.outputs[0]!.media_type};base64,${Buffer.from(bytes).toString('base64')}`;
        const inline = await generate({ model: 'google/gemini-3.5-transcribe', input: data });
        expect(inline.outputs[0]!.text).toBe(text);
      });
    }

    it('makes music that lasts as long as asked', async () => {
      const generation = await generate({ modality: 'music', input: 'slow harbour waltz', seconds: 6 });
      const { bytes } = await download(generation.outputs[0]!.url);
      expect((await parseBuffer(bytes)).format.duration).toBeCloseTo(6, 0);
      expect(generation.receipt.lines).toMatchObject([{ meter: 'songs', quantity: '1' }]);
    });

    it('embeds', async () => {
      const generation = await generate({ modality: 'embedding', input: ['harbour', 'storm'], dimensions: 64 });
      expect(generation.outputs.map((output) => output.vector.length)).toEqual([64, 64]);
    });

    it('serves outputs only behind their signature, with ranges', async () => {
      const generation = await generate({ modality: 'image', input: 'a buoy', size: '1024x1024' });
      const url = generation.outputs[0]!.url;
      expect((await target.fetch(url.replace(/s=[0-9a-f]/, 's=f').replace(/e=\d/, 'e=2'))).status).toBe(404);
      const part = await target.fetch(url, { headers: { range: 'bytes=1-3' } });
      expect(part.status).toBe(206);
      expect(await part.text()).toBe('PNG');
      const head = await target.fetch(url, { method: 'HEAD' });
      expect(Number(head.headers.get('content-length'))).toBeGreaterThan(1000);
    });

    it('lets the official openai SDK draw, edit, speak and listen, with any provider behind it', async () => {
      const client = new OpenAI({
        apiKey: target.appKey,
        baseURL: `${target.url}/v1`,
        fetch: Object.assign(packed, { Response }),
        maxRetries: 0,
      });
      const words = 'The lamp is lit. The harbour sleeps.';
      const costs = (answer: { headers: Headers }) => receipts.push(answer.headers.get('x-atelier-cost-usd')!);
      for (const model of ['openai/gpt-image-2', 'google/gemini-3.1-flash-image']) {
        const { data, response } = await client.images
          .generate({ model, prompt: 'a buoy', size: '1024x1024' })
          .withResponse();
        costs(response);
        const bytes = Buffer.from(data.data![0]!.b64_json!, 'base64');
        expect(decodePng(bytes).width).toBe(1024);
        const image = ['a.png', 'b.png'].map((name) => new File([bytes], name, { type: 'image/png' }));
        const edited = await client.images
          .edit({ model, prompt: 'two buoys', image, response_format: 'url' })
          .withResponse();
        costs(edited.response);
        expect(decodePng((await download(edited.data.data![0]!.url!)).bytes).width).toBe(1024);
      }
      for (const model of ['openai/gpt-4o-mini-tts', 'elevenlabs/eleven_flash_v2_5']) {
        const raw = await client.audio.speech.create({ model, voice: 'alloy', input: words, response_format: 'pcm' });
        costs(raw);
        expect((await raw.arrayBuffer()).byteLength / 48_000).toBeCloseTo(words.length / 15, 0);
        const speech = await client.audio.speech.create({ model, voice: 'alloy', input: words });
        costs(speech);
        const file = new File([await speech.arrayBuffer()], 'speech.mp3', { type: 'audio/mpeg' });
        for (const listener of ['openai/whisper-1', 'elevenlabs/scribe_v2']) {
          const asked = { model: listener, file, response_format: 'srt' } as const;
          const { data, response } = await client.audio.transcriptions.create(asked).withResponse();
          costs(response);
          expect(data).toMatch(/^1\n00:00:00,000 --> [\s\S]*The harbour sleeps\.\n$/);
        }
      }
      const events: string[] = [];
      const told = await client.images
        .generate({ prompt: 'a pier', quality: 'low', stream: true, partial_images: 1 })
        .withResponse();
      for await (const event of told.data) events.push(event.type);
      expect(events).toEqual(['image_generation.partial_image', 'image_generation.completed']);
      const id = told.response.headers.get('x-atelier-generation');
      const streamed = (await (await send(`/v1/generations/${id}`)).json()) as Generation;
      receipts.push(streamed.receipt.total);
    });

    it('lets the official openai SDK chat, stream and call tools unchanged', async () => {
      const client = new OpenAI({
        apiKey: target.appKey,
        baseURL: `${target.url}/v1`,
        fetch: target.fetch,
        maxRetries: 0,
      });
      const plain = await client.chat.completions
        .create({
          model: 'gpt-5.5',
          messages: [{ role: 'user', content: 'Say exactly: ahoy' }],
          ...{ x_unknown: 'kept' },
        })
        .withResponse();
      expect(plain.data.choices[0]!.message.content).toBe('ahoy');
      expect((plain.data as unknown as { x_unknown: string }).x_unknown).toBe('kept');
      receipts.push(plain.response.headers.get('x-atelier-cost-usd')!);

      const stream = await client.chat.completions
        .create({
          model: 'openai/gpt-5.5',
          stream: true,
          messages: [{ role: 'user', content: 'Say exactly: one two three' }],
        })
        .withResponse();
      let text = '';
      let usageSeen = false;
      for await (const chunk of stream.data) {
        text += chunk.choices[0]?.delta.content ?? '';
        usageSeen ||= Boolean(chunk.usage);
      }
      expect(text).toBe('one two three');
      expect(usageSeen, 'usage was not asked for').toBe(false);
      const id = stream.response.headers.get('x-atelier-generation');
      const generation = (await (await send(`/v1/generations/${id}`)).json()) as Generation;
      expect(generation).toMatchObject({ status: 'completed', receipt: { status: 'priced' } });
      receipts.push(generation.receipt.total);

      const tools = [
        {
          type: 'function' as const,
          function: { name: 'tide', parameters: { type: 'object', properties: { port: { type: 'string' } } } },
        },
      ];
      const question = { role: 'user' as const, content: 'Use tide for Brest' };
      const asked = await client.chat.completions
        .create({ model: 'openai/gpt-5.5', messages: [question], tools })
        .withResponse();
      const call = asked.data.choices[0]!.message.tool_calls![0]!;
      expect(call).toMatchObject({ type: 'function', function: { name: 'tide' } });
      receipts.push(asked.response.headers.get('x-atelier-cost-usd')!);
      const told = await client.chat.completions
        .create({
          model: 'openai/gpt-5.5',
          messages: [
            question,
            asked.data.choices[0]!.message,
            { role: 'tool', tool_call_id: call.id, content: 'high at noon' },
          ],
          tools,
        })
        .withResponse();
      expect(told.data.choices[0]!.message.content).toContain('high at noon');
      receipts.push(told.response.headers.get('x-atelier-cost-usd')!);
    });

    it('refuses a model that cannot make what is asked, naming those that can', async () => {
      const answer = await post('/v1/generations', {
        model: 'anthropic/claude-sonnet-5',
        modality: 'image',
        input: 'x',
      });
      expect(answer.status).toBe(400);
      const { error } = (await answer.json()) as {
        error: { code: string; facts: { models: { model: string; prices: unknown[] }[] } };
      };
      expect(error.code).toBe('modality_mismatch');
      expect(error.facts.models.map((one) => one.model)).toContain('openai/gpt-image-2');
      expect(error.facts.models[0]!.prices.length).toBeGreaterThan(0);
    });

    it('books every receipt: their sum is the spend, to the last pico-dollar', async () => {
      const answer = await send('/v1/spend?simulated=include&group_by=modality,model');
      const spend = (await answer.json()) as {
        total_usd: string;
        rows: { cost_usd: string; modality: string; units: { unit: string }[] }[];
      };
      const sum = receipts.reduce((total, receipt) => total + pico(receipt), 0n);
      expect(pico(spend.total_usd)).toBe(sum);
      expect(spend.rows.reduce((total, row) => total + pico(row.cost_usd), 0n)).toBe(sum);
      const units = new Map(spend.rows.map((row) => [row.modality, row.units.map((unit) => unit.unit)]));
      expect(units.get('image')).toContain('image');
      expect(units.get('speech')).toEqual(expect.arrayContaining(['minute', '1k_characters']));
      expect(units.get('transcription')).toContain('minute');
      expect(units.get('text')).toContain('1m_tokens');
      const real = (await (await send('/v1/spend')).json()) as { total_usd: string };
      expect(real.total_usd, 'simulated spend is left out unless asked for').toBe('0');
    });

    it('gives out, uses and revokes virtual keys; unknown and revoked look the same', async () => {
      expect((await post('/v1/keys', { name: 'painter' })).status, 'an app key is no admin').toBe(403);
      const made = (await (await post('/v1/keys', { name: 'painter' }, {}, target.adminKey)).json()) as {
        id: string;
        key: string;
      };
      const use = () => post('/v1/generations', { modality: 'text', input: 'Say exactly: hi' }, {}, made.key);
      expect((await use()).status).toBe(200);
      const mine = (await (await send('/v1/generations', {}, made.key)).json()) as { data: Generation[] };
      expect(mine.data).toHaveLength(1);
      const others = await send(`/v1/generations/${mine.data[0]!.id}`);
      expect(others.status, 'another key cannot see it').toBe(404);
      expect((await send(`/v1/keys/${made.id}`, { method: 'DELETE' }, target.adminKey)).status).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 20));
      const revoked = await use();
      const unknown = await post('/v1/generations', { modality: 'text', input: 'x' }, {}, 'atl_live_main_nosuchkey');
      expect([revoked.status, unknown.status]).toEqual([401, 401]);
      expect(await revoked.json()).toEqual(await unknown.json());
    });

    it('refuses every route without a key', async () => {
      const routes = [
        ['POST', '/v1/generations'],
        ['GET', '/v1/generations'],
        ['GET', '/v1/generations/gen_x'],
        ['POST', '/v1/chat/completions'],
        ['GET', '/v1/models'],
        ['GET', '/v1/spend'],
        ['POST', '/v1/keys'],
        ['GET', '/v1/keys'],
        ['DELETE', '/v1/keys/x'],
        ['GET', '/v1/nothing'],
        ['GET', '/'],
      ];
      for (const [method, path] of routes) {
        const answer = await target.fetch(`${target.url}${path}`, {
          method,
          ...(method === 'POST' ? { body: '{}' } : {}),
        });
        expect(`${method} ${path} ${answer.status}`).toBe(`${method} ${path} 401`);
      }
    });
  });
}
