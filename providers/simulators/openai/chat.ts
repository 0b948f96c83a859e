import type { JsonObject } from '../../../src/contract/index.ts';
import type { BilledCall } from '../bill.ts';
import { random } from '../seed.ts';
import { countTokens, pieces, type Script } from '../text.ts';
import { type Asked, readChat } from './chat-request.ts';
import { charges, measure, perform, refuseTooLong, remember, servedTier } from './figures.ts';
import { clientOf, type Desk, echoes, type Frame, readJson, secondsOf, stream } from './wire.ts';

/** POST /chat/completions */
export async function chat(desk: Desk, request: Request): Promise<Response> {
  const { text, body } = await readJson(request);
  const asked = readChat(desk, body);
  const scripts = Array.from({ length: asked.n }, (_, choice) => perform(asked, choice));
  const figures = measure(desk, asked, scripts);
  if (desk.quirks.strict) refuseTooLong(asked, figures);
  const id = desk.idFor(desk.quirks.idPrefix, 'chat', text);
  const tier = servedTier(asked.tier);
  const call: BilledCall = { client: clientOf(request), id, model: asked.model, at: desk.now(), charges: [] };
  const whole = charges(figures, tier);
  if (!desk.quirks.strict) {
    const priced = desk.bill.totalOf({ ...call, charges: whole });
    if (priced.unpriced === 0) figures.cost = priced.pico;
  }
  remember(desk, asked);
  desk.bill.add(call);

  const usage = desk.quirks.usage(figures);
  const base: JsonObject = {
    id,
    object: asked.stream ? 'chat.completion.chunk' : 'chat.completion',
    created: secondsOf(desk),
    model: asked.model,
    ...(desk.quirks.strict ? { service_tier: tier } : {}),
    system_fingerprint: desk.idFor('fp_', asked.model).slice(0, 13),
    ...desk.quirks.extra,
  };
  if (!asked.stream) {
    call.charges.push(...whole);
    const choices = scripts.map((script, index) => ({
      index,
      message: message(desk, asked, id, script, index),
      ...desk.quirks.everyChoice,
      ...(asked.logprobs === undefined ? {} : { logprobs: logprobs(asked, pieces(script.text)) }),
      finish_reason: finishOf(script),
    }));
    return Response.json({ ...base, choices, usage, ...echoes(body) });
  }
  const frames = chunks({ desk, asked, base, id, scripts, usage, echoed: echoes(body) });
  return stream(desk, request, frames, (tokens, complete) => {
    call.charges.push(...(complete ? whole : charges({ ...figures, output: Math.min(tokens, figures.output) }, tier)));
  });
}

function finishOf(script: Script): string {
  return script.finish === 'stop_sequence' ? 'stop' : script.finish;
}

function message(desk: Desk, asked: Asked, id: string, script: Script, choice: number): JsonObject {
  const calls = toolCalls(desk, asked, id, script, choice);
  const shown = desk.quirks.reasoningField;
  return {
    role: 'assistant',
    content: calls.length > 0 ? null : script.text,
    ...(shown && script.reasoning ? { [shown]: script.reasoning } : {}),
    ...(desk.quirks.strict ? { refusal: null, annotations: [] } : {}),
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  };
}

function toolCalls(desk: Desk, asked: Asked, id: string, script: Script, choice: number): JsonObject[] {
  return script.toolCalls.map((call, index): JsonObject => {
    const own = desk.idFor('call_', id, String(choice), String(index)).slice(0, 29);
    if (!asked.custom.has(call.name)) {
      return { id: own, type: 'function', function: { name: call.name, arguments: JSON.stringify(call.arguments) } };
    }
    return { id: own, type: 'custom', custom: { name: call.name, input: asked.prompt.user } };
  });
}

function logprobs(asked: Asked, tokens: string[]): JsonObject {
  const dice = random(`${asked.prompt.seed}|logprobs|${tokens.length}`);
  const entry = (token: string, down: number) => ({
    token,
    logprob: -(dice.below(900) + 1 + down * 1000) / 1000,
    bytes: [...new TextEncoder().encode(token)],
  });
  const content = tokens.map((token) => {
    const chosen = entry(token, 0);
    const others = Array.from({ length: asked.logprobs ?? 0 }, (_, rank) =>
      rank === 0 ? chosen : entry(`~${rank}`, rank),
    );
    return { ...chosen, top_logprobs: others };
  });
  return { content, refusal: null };
}

type Telling = {
  desk: Desk;
  asked: Asked;
  base: JsonObject;
  id: string;
  scripts: Script[];
  usage: JsonObject;
  echoed: JsonObject;
};

/** The chunks of a streamed answer, in the order OpenAI sends them. */
function* chunks({ desk, asked, base, id, scripts, usage, echoed }: Telling): Generator<Frame> {
  const { quirks } = desk;
  const noise = random(id);
  const silent = asked.includeUsage && quirks.streamUsage === 'asked' ? { usage: null } : {};
  const chunk = (index: number, delta: JsonObject, tokens: number, more: JsonObject = {}): Frame => {
    const choice: JsonObject = {
      index,
      delta: { ...quirks.everyDelta, ...delta },
      ...desk.quirks.everyChoice,
      finish_reason: null,
    };
    if (asked.logprobs !== undefined && typeof delta.content === 'string' && delta.content) {
      choice.logprobs = logprobs(asked, [delta.content]);
    }
    const padding = quirks.strict && asked.obfuscate ? { obfuscation: noise.hex(16 - (pieceLength(delta) % 16)) } : {};
    return { data: { ...base, choices: [choice], ...silent, ...padding, ...more }, tokens };
  };

  for (const [index, script] of scripts.entries()) {
    const content = script.toolCalls.length > 0 ? null : '';
    const first = index === 0 ? quirks.firstChunk?.(id) : undefined;
    const role: JsonObject = { role: 'assistant', content, ...(quirks.strict ? { refusal: null } : {}) };
    yield chunk(index, role, quirks.reasoningField ? 0 : script.reasoningTokens, first);
  }
  const tracks = scripts.map((script, index) => [...deltas(desk, asked, id, script, index)]);
  const longest = Math.max(...tracks.map((track) => track.length));
  for (let step = 0; step < longest; step++) {
    for (const [index, track] of tracks.entries()) {
      const told = track[step];
      if (told) yield chunk(index, told.delta, told.tokens);
    }
  }
  for (const [index, script] of scripts.entries()) {
    const last = index === scripts.length - 1;
    const choice = {
      index,
      delta: { ...quirks.everyDelta },
      ...desk.quirks.everyChoice,
      finish_reason: finishOf(script),
    };
    const more = {
      ...silent,
      ...(last && quirks.streamUsage === 'finish' ? { usage } : {}),
      ...(last ? { ...quirks.finishChunk?.(id, usage), ...echoed } : {}),
    };
    yield { data: { ...base, choices: [choice], ...more } };
  }
  if (quirks.streamUsage === 'always' || (quirks.streamUsage === 'asked' && asked.includeUsage)) {
    yield { data: { ...base, choices: [], usage, ...echoed } };
  }
  yield { data: '[DONE]' };
}

function pieceLength(delta: JsonObject): number {
  return typeof delta.content === 'string' ? delta.content.length : 0;
}

type Told = { delta: JsonObject; tokens: number };

function* deltas(desk: Desk, asked: Asked, id: string, script: Script, choice: number): Generator<Told> {
  const shown = desk.quirks.reasoningField;
  if (shown) for (const piece of pieces(script.reasoning)) yield { delta: { [shown]: piece }, tokens: 1 };
  for (const [index, call] of toolCalls(desk, asked, id, script, choice).entries()) {
    const kind = String(call.type);
    const inner = call[kind] as { name: string; arguments?: string; input?: string };
    const field = kind === 'custom' ? 'input' : 'arguments';
    const opening: JsonObject = { index, id: call.id as string, type: kind, [kind]: { name: inner.name, [field]: '' } };
    yield { delta: { tool_calls: [opening] }, tokens: 4 + countTokens(inner.name) };
    for (const piece of pieces(inner[field] ?? '')) {
      yield { delta: { tool_calls: [{ index, [kind]: { [field]: piece } }] }, tokens: 1 };
    }
  }
  for (const piece of pieces(script.text)) yield { delta: { content: piece }, tokens: 1 };
}
