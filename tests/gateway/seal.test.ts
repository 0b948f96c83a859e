import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  at,
  type Dialect,
  type DialectName,
  dialectNames,
  type Event,
  type Json,
  type JsonObject,
  type Part,
  type SseFrame,
  type TextAnswer,
} from '../../src/contract/index.ts';
import { unfoldAnswer } from '../../src/dialects/fold.ts';
import { dialects } from '../../src/dialects/index.ts';
import { macOf } from '../../src/gateway/mac.ts';
import { looksSealed, mayHoldSeals, type Sealed, type Sealer, sealerWith } from '../../src/gateway/seal.ts';
import { EventSealer, sealAnswer } from '../../src/gateway/seal-events.ts';
import { unsealRequest } from '../../src/gateway/unseal.ts';
import { validator } from '../support/spec.ts';

/** A tenant's book, as far as sealing knows it. */
function sealerOfTenant(): Sealer {
  const settings = new Map<string, string>();
  const setting = async (name: string, value: string) => {
    if (!settings.has(name)) settings.set(name, value);
    return settings.get(name)!;
  };
  return sealerWith(macOf({ setting } as unknown as Parameters<typeof macOf>[0], 'opaque_secret'));
}

const sealer = sealerOfTenant();
const owner = fc.constantFrom(...dialectNames);
const data = fc
  .jsonValue({ noUnicodeString: false } as object)
  .map((value) => JSON.parse(JSON.stringify(value)) as Json);
const sealed: fc.Arbitrary<Sealed> = fc
  .record(
    {
      opaque: fc.record({ owner, data }),
      kind: fc.constantFrom('reasoning' as const, 'text' as const, 'tool_call' as const, 'asset' as const),
      redacted: fc.constant(true as const),
      id: fc.string(),
      length: fc.nat(),
      start: fc.nat(),
    },
    { requiredKeys: ['opaque', 'kind'], noNullPrototype: true },
  )
  .map((one) => one as Sealed);

describe('a seal', () => {
  it('gives back what went in, and looks like what it is', async () => {
    await fc.assert(
      fc.asyncProperty(sealed, async (one) => {
        const seal = await sealer.seal(one);
        expect(seal).toMatch(/^atl1\.[a-z-]+\.[A-Za-z0-9_-]+\.[0-9a-f]{64}$/);
        expect(looksSealed(seal)).toBe(true);
        expect(mayHoldSeals(JSON.stringify({ signature: seal }))).toBe(true);
        expect(mayHoldSeals(JSON.stringify({ thoughtSignature: btoa(seal) }))).toBe(true);
        expect(await sealer.unseal(seal)).toEqual(one);
      }),
    );
  });

  it('is refused when any character of it is another, is missing or is added', async () => {
    await fc.assert(
      fc.asyncProperty(sealed, fc.nat(), fc.integer({ min: 1, max: 126 }), async (one, at, by) => {
        const seal = await sealer.seal(one);
        const place = at % seal.length;
        const other = String.fromCharCode((seal.charCodeAt(place) + by) % 127);
        const forgeries = [
          seal.slice(0, place) + other + seal.slice(place + 1),
          seal.slice(0, place) + seal.slice(place + 1),
          `${seal}${other}`,
        ];
        for (const forged of forgeries) {
          await expect(sealer.unseal(forged, () => 'messages[1].signature')).rejects.toMatchObject({
            code: 'invalid_request',
            details: { param: 'messages[1].signature' },
          });
        }
      }),
    );
  });

  it('of one tenant means nothing to another', async () => {
    const seal = await sealer.seal({ opaque: { owner: 'gemini', data: 'signature' }, kind: 'text' });
    await expect(sealerOfTenant().unseal(seal)).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('is bounded', async () => {
    const huge = { opaque: { owner: 'gemini', data: 'x'.repeat(7 * 1024 * 1024) }, kind: 'text' } as const;
    await expect(sealer.seal(huge)).rejects.toMatchObject({ code: 'provider_garbage' });
    await expect(sealer.unseal(`atl1.gemini.${'A'.repeat(9 * 1024 * 1024)}.00`)).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });
});

/** What providers say, with state on every part that can have it. */
const said: Record<string, { owner: DialectName; parts: Part[] }> = {
  'Claude: thinking, redacted thinking, text, calls': {
    owner: 'anthropic-messages',
    parts: [
      { type: 'reasoning', text: 'I wéigh it. 🦊', opaque: { owner: 'anthropic-messages', data: 'c2lnbmF0dXJl+/==' } },
      { type: 'reasoning', text: '', redacted: true, opaque: { owner: 'anthropic-messages', data: 'cmVkYWN0ZWQ=' } },
      { type: 'text', text: 'I look it up.' },
      { type: 'tool_call', id: 'toolu_1', name: 'look', arguments: '{"city":"Oslo"}' },
      { type: 'tool_call', id: 'toolu_2', name: 'look', arguments: '{"city":"Lima"}' },
    ],
  },
  'Claude: thinking that is not shown': {
    owner: 'anthropic-messages',
    parts: [
      { type: 'reasoning', text: '', opaque: { owner: 'anthropic-messages', data: 'c2ln' } },
      { type: 'tool_call', id: 'toolu_1', name: 'look', arguments: '{}' },
    ],
  },
  'Gemini: a thought, a signed first call': {
    owner: 'gemini',
    parts: [
      { type: 'text', text: 'One moment.' },
      { type: 'tool_call', id: 'a1b2', name: 'look', arguments: '{"n":1}', opaque: { owner: 'gemini', data: 'CgQ=' } },
      { type: 'tool_call', id: 'c3d4', name: 'look', arguments: '{"n":2}' },
    ],
  },
  'Gemini: a signed text with settings': {
    owner: 'gemini',
    parts: [
      {
        type: 'text',
        text: 'Snow.',
        opaque: { owner: 'gemini', data: { thoughtSignature: 'CgQ=', mediaResolution: 'LOW' } },
      },
    ],
  },
  'Gemini: a signed thought': {
    owner: 'gemini',
    parts: [
      { type: 'reasoning', text: 'Hm.', opaque: { owner: 'gemini', data: 'VGg=' } },
      { type: 'text', text: 'Snow.' },
    ],
  },
  'Responses: reasoning without a summary, a marked text, a call': {
    owner: 'openai-responses',
    parts: [
      {
        type: 'reasoning',
        text: '',
        opaque: { owner: 'openai-responses', data: { id: 'rs_1', encrypted_content: 'gAAA' } },
      },
      { type: 'text', text: 'I look it up.', opaque: { owner: 'openai-responses', data: { phase: 'commentary' } } },
      { type: 'tool_call', id: 'call_1', name: 'look', arguments: '{}' },
    ],
  },
  'Responses: reasoning in two summaries': {
    owner: 'openai-responses',
    parts: [
      {
        type: 'reasoning',
        text: 'One.\n\nTwo.',
        opaque: {
          owner: 'openai-responses',
          data: {
            id: 'rs_1',
            encrypted_content: 'gAAA',
            summary: [
              { type: 'summary_text', text: 'One.' },
              { type: 'summary_text', text: 'Two.' },
            ],
          },
        },
      },
      { type: 'text', text: 'Done.' },
    ],
  },
  'chat: fields of a compatible server on a call': {
    owner: 'openai-chat',
    parts: [
      {
        type: 'tool_call',
        id: 'call_1',
        name: 'look',
        arguments: '{}',
        opaque: { owner: 'openai-chat', data: { extra_content: { google: { thought_signature: 'CgQ=' } } } },
      },
    ],
  },
};

const counts = { input: 5, output: 7, cachedInput: 0, cacheWrite: 0, reasoning: 3 };

/** What a client of this dialect holds after a plain answer, as its next request's conversation. */
const echoed: Record<DialectName, (body: JsonObject) => JsonObject> = {
  'openai-chat': (body) => ({ messages: [at(body, 'choices', 0, 'message')!] }),
  'openai-responses': (body) => ({ input: body.output! }),
  'anthropic-messages': (body) => ({ messages: [{ role: 'assistant', content: body.content! }] }),
  gemini: (body) => ({ contents: [at(body, 'candidates', 0, 'content')!] }),
};

/** The same after a stream, folded as the official SDKs do. */
const folded: Record<DialectName, (frames: SseFrame[]) => JsonObject> = {
  'openai-chat': (frames) => {
    const message: JsonObject = {};
    const calls: JsonObject[] = [];
    for (const { data } of frames) {
      if (data === '[DONE]') continue;
      const { content, tool_calls, ...rest } = (at(JSON.parse(data), 'choices', 0, 'delta') ?? {}) as JsonObject;
      // the SDK keeps only the last value of a field that it does not know
      Object.assign(message, rest);
      if (content) message.content = String(message.content ?? '') + String(content);
      for (const call of (tool_calls ?? []) as JsonObject[]) {
        const { index, function: words, ...fields } = call;
        const known = calls[Number(index)] ?? { function: { name: '', arguments: '' } };
        calls[Number(index)] = known;
        const before = known.function as JsonObject;
        Object.assign(known, fields);
        known.function = {
          name: before.name || (at(words, 'name') ?? ''),
          arguments: `${before.arguments}${at(words, 'arguments') ?? ''}`,
        };
      }
    }
    return { messages: [{ content: null, ...message, ...(calls.length > 0 ? { tool_calls: calls } : {}) }] };
  },
  'openai-responses': (frames) =>
    echoed['openai-responses'](at(JSON.parse(frames.at(-1)!.data), 'response') as JsonObject),
  'anthropic-messages': (frames) => {
    const content: JsonObject[] = [];
    for (const { data } of frames) {
      const frame = JSON.parse(data) as JsonObject;
      if (frame.type === 'content_block_start') content.push({ ...(frame.content_block as JsonObject), json: '' });
      if (frame.type !== 'content_block_delta') continue;
      const block = content[Number(frame.index)]!;
      const delta = frame.delta as JsonObject;
      if (delta.type === 'signature_delta') block.signature = delta.signature!;
      if (delta.type === 'thinking_delta') block.thinking = String(block.thinking) + String(delta.thinking);
      if (delta.type === 'text_delta') block.text = String(block.text) + String(delta.text);
      if (delta.type === 'input_json_delta') block.json = String(block.json) + String(delta.partial_json);
    }
    const blocks = content.map(
      ({ json, ...block }): JsonObject => (json ? { ...block, input: JSON.parse(String(json)) } : block),
    );
    return { messages: [{ role: 'assistant', content: blocks }] };
  },
  gemini: (frames) => {
    const chunks = frames.map(({ data }) => at(JSON.parse(data), 'candidates', 0, 'content', 'parts') as Json[]);
    return { contents: [{ role: 'model', parts: chunks.flatMap((parts) => parts ?? []) }] };
  },
};

/** Text in small pieces, as models stream it. */
function* streamed(answer: TextAnswer): Generator<Event> {
  for (const event of unfoldAnswer(answer)) {
    if (event.type !== 'part_delta' || !('text' in event.delta)) yield event;
    else for (const text of event.delta.text.match(/[\s\S]{1,3}/gu) ?? []) yield { ...event, delta: { text } };
  }
}

async function* sealedEvents(answer: TextAnswer, door: DialectName): AsyncGenerator<Event> {
  const sealing = new EventSealer(door, sealer);
  for (const event of streamed(answer)) yield* (await sealing.take(event)) ?? [event];
}

async function restore(door: Dialect, body: JsonObject): Promise<Part[]> {
  const wire = { model: 'any', max_tokens: 10, ...body } as JsonObject;
  const read = door.readRequest(wire, { model: 'any' });
  const { request, warnings } = await unsealRequest(read, door.name, sealer, wire);
  expect(warnings).toEqual([]);
  return request.messages.flatMap((message) => message.parts);
}

/** What must come back: parts with state, exactly; of the others, what they say. */
function essence(parts: Part[], owner: DialectName): Part[] {
  const kept: Part[] = [];
  for (const part of parts) {
    const own = 'opaque' in part && part.opaque?.owner === owner;
    const bare = JSON.parse(JSON.stringify(own ? part : { ...part, opaque: undefined })) as Part;
    const last = kept.at(-1);
    // text without state may come back in the pieces it was streamed in
    if (bare.type === 'text' && last?.type === 'text' && !bare.opaque && !last.opaque) last.text += bare.text;
    else if (bare.type !== 'other' && !(bare.type === 'text' && bare.text === '' && !own)) kept.push(bare);
  }
  return kept;
}

/** The vendor's own words for a plain answer and for a piece of a stream; nothing is checked where they are not there. */
const vendors: Record<DialectName, [spec: string, answer: string, event: string]> = {
  'openai-chat': ['openai', 'CreateChatCompletionResponse', 'CreateChatCompletionStreamResponse'],
  'openai-responses': ['openai', 'Response', 'ResponseStreamEvent'],
  'anthropic-messages': ['anthropic', 'Message', 'MessageStreamEvent'],
  gemini: ['google-generativelanguage', 'GenerateContentResponse', 'GenerateContentResponse'],
};

describe.each(dialectNames)('through a client of %s', (name) => {
  const door = dialects[name];
  const [spec, ...schemas] = vendors[name];
  const [clean, cleanEvent] = schemas.map((schema) => (value: unknown) => {
    expect(validator(spec, `/components/schemas/${schema}`)?.(JSON.parse(JSON.stringify(value)))).toBeUndefined();
  });
  const crossings = Object.entries(said).filter(([, { owner }]) => owner !== name);

  it.each(crossings)('%s', async (_, { owner, parts }) => {
    const answer: TextAnswer = { id: 'answer_1', model: 'm', choices: [{ parts, finish: 'stop' }], counts };
    const before = structuredClone(answer);

    const body = door.writeResponse(await sealAnswer(answer, new EventSealer(name, sealer)));
    expect(mayHoldSeals(JSON.stringify(body))).toBe(true);
    clean?.(body);
    expect(essence(await restore(door, echoed[name](body)), owner)).toEqual(parts);

    const frames: SseFrame[] = [];
    for await (const frame of door.writeEvents(sealedEvents(answer, name))) frames.push(frame);
    for (const { data } of frames) if (data !== '[DONE]') cleanEvent?.(JSON.parse(data));
    expect(essence(await restore(door, folded[name](frames)), owner)).toEqual(parts);
    expect(answer, 'sealing changes nothing that was given to it').toEqual(before);
  });

  it('leaves an answer without state alone', async () => {
    const answer: TextAnswer = { choices: [{ parts: [{ type: 'text', text: 'Hi.' }], finish: 'stop' }] };
    expect(await sealAnswer(answer, new EventSealer(name, sealer))).toBe(answer);
  });
});

describe('what comes back', () => {
  const chat = dialects['openai-chat'];
  const ask = (message: JsonObject, with_ = sealer) => {
    const body: JsonObject = { model: 'm', messages: [{ role: 'user', content: 'Hi.' }, message] };
    return unsealRequest(chat.readRequest(body), 'openai-chat', with_, body);
  };
  const details = async () => {
    const seal = await sealer.seal({
      opaque: { owner: 'anthropic-messages', data: 'c2ln' },
      kind: 'reasoning',
      length: 3,
    });
    return { type: 'reasoning.text', text: 'Hm.', signature: seal, id: null, format: 'atelier', index: 0 };
  };

  it('names the field of a seal that is not ours', async () => {
    const reasoning_details = [{ ...(await details()), signature: 'atl1.gemini.e30.00' }];
    await expect(ask({ role: 'assistant', content: 'Hm.', reasoning_details })).rejects.toMatchObject({
      code: 'invalid_request',
      details: { param: 'messages[1].reasoning_details[0].signature' },
    });
    const tool_calls = [
      {
        id: 'c',
        type: 'function',
        function: { name: 'f', arguments: '{}' },
        extra_content: { atelier: { seal: 'x' } },
      },
    ];
    await expect(ask({ role: 'assistant', content: null, tool_calls })).rejects.toMatchObject({
      details: { param: 'messages[1].tool_calls[0].extra_content.atelier.seal' },
    });
    const mine = { role: 'assistant', content: 'Hm.', reasoning_details: [await details()] };
    await expect(ask(mine, sealerOfTenant())).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('counts details once that a client collected from every chunk, and leaves foreign ones', async () => {
    const own = await details();
    const foreign = { type: 'reasoning.summary', summary: 'theirs', format: 'unknown' };
    const { request } = await ask({
      role: 'assistant',
      content: 'Snow.',
      reasoning_content: 'cut off',
      reasoning_details: [own, own, foreign],
    });
    expect(request.messages[1]?.parts).toEqual([
      { type: 'reasoning', text: 'Hm.', opaque: { owner: 'anthropic-messages', data: 'c2ln' } },
      { type: 'text', text: 'Snow.' },
      { type: 'other', dialect: 'openai-chat', data: { message: { reasoning_details: [foreign] } } },
    ]);
  });

  it('splits one text into those it was made of', async () => {
    const answer: TextAnswer = {
      choices: [
        {
          finish: 'stop',
          parts: [
            { type: 'text', text: 'One. ' },
            { type: 'text', text: 'Two. ', opaque: { owner: 'gemini', data: 'Mg==' } },
            { type: 'text', text: 'Three.', opaque: { owner: 'gemini', data: 'Mw==' } },
          ],
        },
      ],
    };
    const body = chat.writeResponse(await sealAnswer(answer, new EventSealer('openai-chat', sealer)));
    expect(at(body, 'choices', 0, 'message', 'content')).toBe('One. Two. Three.');
    const { request } = await ask(at(body, 'choices', 0, 'message') as JsonObject);
    expect(request.messages[1]?.parts).toEqual(answer.choices[0]!.parts);
  });

  it('warns of state whose part the client left out', async () => {
    const seal = await sealer.seal({ opaque: { owner: 'gemini', data: 'CgQ=' }, kind: 'tool_call', id: 'gone' });
    const body: JsonObject = {
      model: 'm',
      max_tokens: 1,
      messages: [
        {
          role: 'assistant',
          content: [
            { type: 'redacted_thinking', data: seal },
            { type: 'text', text: 'Hi.' },
          ],
        },
      ],
    };
    const door = dialects['anthropic-messages'];
    const { request, warnings } = await unsealRequest(door.readRequest(body), door.name, sealer, body);
    expect(request.messages[0]?.parts).toEqual([{ type: 'text', text: 'Hi.' }]);
    expect(warnings).toHaveLength(1);
  });

  it('refuses state that was moved to a part of another kind', async () => {
    const seal = await sealer.seal({ opaque: { owner: 'anthropic-messages', data: 'c2ln' }, kind: 'reasoning' });
    const body: JsonObject = { contents: [{ role: 'model', parts: [{ text: 'Hi.', thoughtSignature: btoa(seal) }] }] };
    const request = dialects.gemini.readRequest(body, { model: 'm' });
    await expect(unsealRequest(request, 'gemini', sealer, body)).rejects.toMatchObject({
      details: { param: 'contents[0].parts[0].thoughtSignature' },
    });
  });
});

describe('on the hot path', () => {
  it('text passes as it is, without a promise', () => {
    for (const name of dialectNames) {
      const sealing = new EventSealer(name, sealer);
      expect(sealing.take({ type: 'part_start', index: 0, part: { type: 'reasoning', text: '' } })).toBeUndefined();
      expect(sealing.take({ type: 'part_delta', index: 0, delta: { text: 'x' } })).toBeUndefined();
      expect(sealing.take({ type: 'part_end', index: 0 })).toBeUndefined();
    }
  });
});
