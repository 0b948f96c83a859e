import type { JsonObject } from '../../src/contract/index.ts';
import { at, isObject } from '../../src/contract/index.ts';
import { random } from './seed.ts';

/** What a vendor's simulator read out of a text request, in no vendor's words. */
export type Prompt = {
  seed: string;
  model: string;
  /** Text of the last user turn. */
  user: string;
  /** Everything else that counts as input: system, earlier turns, tool definitions as JSON. */
  context: string;
  tools?: { name: string; parameters?: JsonObject }[];
  toolChoice?: 'auto' | 'none' | 'required' | { name: string };
  parallelTools?: boolean;
  /** Text of tool results that answer this turn, if the conversation ends with them. */
  toolResults?: string[];
  schema?: JsonObject;
  jsonObject?: boolean;
  maxTokens?: number;
  stop?: string[];
  reasons?: boolean;
  /** Attached images, audio or documents: counted and mentioned. */
  attachments?: number;
};

export type Script = {
  reasoning: string;
  text: string;
  toolCalls: { name: string; arguments: JsonObject }[];
  finish: 'stop' | 'length' | 'tool_calls' | 'stop_sequence';
  stopSequence?: string;
  inputTokens: number;
  outputTokens: number;
  reasoningTokens: number;
};

/** About four characters a token; never 0 for text that is there. */
export function countTokens(text: string): number {
  return Math.ceil(text.length / 4);
}

/**
 * The simulated mind: deterministic, and of use in tests.
 * `Say exactly: X` (or `Repeat: X`) answers X; tools are called when forced, or offered and named by the user or asked about; a schema yields a valid instance;
 * otherwise the answer restates the question. `max_tokens` and stop sequences are honoured.
 */
export function think(prompt: Prompt): Script {
  const dice = random(`${prompt.seed}|${prompt.model}|${prompt.user}|${prompt.context.length}`);
  const attached = (prompt.attachments ?? 0) * 85;
  const inputTokens = countTokens(prompt.user) + countTokens(prompt.context) + attached + 3;
  const reasoning = prompt.reasons ? `The user asks: ${prompt.user.slice(0, 120)} I weigh it, then answer.` : '';
  const reasoningTokens = countTokens(reasoning);

  const calls = chooseTools(prompt);
  if (calls.length > 0) {
    const toolCalls = calls.map((tool) => ({
      name: tool.name,
      arguments: instance(tool.parameters, prompt.user) as JsonObject,
    }));
    const outputTokens =
      reasoningTokens + toolCalls.reduce((sum, call) => sum + 4 + countTokens(JSON.stringify(call)), 0);
    return { reasoning, text: '', toolCalls, finish: 'tool_calls', inputTokens, outputTokens, reasoningTokens };
  }

  let text = speak(prompt, dice.below(openings.length));
  let finish: Script['finish'] = 'stop';
  let stopSequence: string | undefined;
  for (const stop of prompt.stop ?? []) {
    const place = stop ? text.indexOf(stop) : -1;
    if (place >= 0) {
      text = text.slice(0, place);
      finish = 'stop_sequence';
      stopSequence = stop;
    }
  }
  const room =
    prompt.maxTokens === undefined ? Number.POSITIVE_INFINITY : Math.max(0, prompt.maxTokens - reasoningTokens);
  if (countTokens(text) > room) {
    text = text.slice(0, room * 4);
    finish = 'length';
  }
  const outputTokens = reasoningTokens + countTokens(text);
  return { reasoning, text, toolCalls: [], finish, stopSequence, inputTokens, outputTokens, reasoningTokens };
}

/** The text in token-sized pieces, for streaming. */
export function pieces(text: string): string[] {
  return text.match(/[\s\S]{1,4}/gu) ?? [];
}

const openings = ['Here is what I make of it.', 'A short answer.', 'Gladly.', 'Let me put it plainly.'];

function speak(prompt: Prompt, opening: number): string {
  const exact = /(?:say exactly|repeat)\s*:\s*([\s\S]+)$/i.exec(prompt.user);
  if (prompt.toolResults?.length) return `The tool says: ${prompt.toolResults.join(' · ')}`;
  if (prompt.schema) return JSON.stringify(instance(prompt.schema, prompt.user));
  if (prompt.jsonObject) return JSON.stringify({ answer: exact?.[1]?.trim() ?? prompt.user.slice(0, 200) });
  if (exact?.[1]) return exact[1].trim();
  const seen = prompt.attachments
    ? ` I looked at ${prompt.attachments} attachment${prompt.attachments > 1 ? 's' : ''}.`
    : '';
  return `${openings[opening]} You said: "${prompt.user.slice(0, 400)}".${seen} This is ${prompt.model}, simulated.`;
}

function chooseTools(prompt: Prompt): { name: string; parameters?: JsonObject }[] {
  const tools = prompt.tools ?? [];
  const choice = prompt.toolChoice ?? 'auto';
  if (tools.length === 0 || choice === 'none') return [];
  if (typeof choice === 'object') return tools.filter((tool) => tool.name === choice.name);
  if (prompt.toolResults?.length) return [];
  if (choice === 'required')
    return prompt.parallelTools === false ? tools.slice(0, 1) : named(tools, prompt.user, tools.slice(0, 1));
  const asked = named(tools, prompt.user, /\?|use|call|tool/i.test(prompt.user) ? tools.slice(0, 1) : []);
  return prompt.parallelTools === false ? asked.slice(0, 1) : asked;
}

function named<T extends { name: string }>(tools: T[], text: string, otherwise: T[]): T[] {
  const found = tools.filter((tool) => text.includes(tool.name));
  return found.length > 0 ? found : otherwise;
}

/** A valid instance of a JSON schema, filled from the prompt's text. */
export function instance(schema: unknown, hint: string, root: unknown = schema): unknown {
  if (!isObject(schema)) return {};
  const reference = schema.$ref;
  if (typeof reference === 'string' && reference.startsWith('#/')) {
    const path = reference
      .slice(2)
      .split('/')
      .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
    return instance(at(root, ...path), hint, root);
  }
  if (schema.const !== undefined) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum[0];
  const union = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (Array.isArray(union)) return instance(union[0], hint, root);
  const type = String(Array.isArray(schema.type) ? schema.type[0] : (schema.type ?? 'object')).toLowerCase();
  switch (type) {
    case 'string': {
      const minimum = Number(schema.minLength ?? 0);
      return (hint.slice(0, Number(schema.maxLength ?? 40)) || 'text').padEnd(minimum, '.');
    }
    case 'integer':
    case 'number':
      return Number(schema.minimum ?? /\d+/.exec(hint)?.[0] ?? 1);
    case 'boolean':
      return true;
    case 'null':
      return null;
    case 'array':
      return Array.from({ length: Math.max(1, Number(schema.minItems ?? 1)) }, () =>
        instance(schema.items, hint, root),
      );
    default: {
      const result: Record<string, unknown> = {};
      for (const [name, child] of Object.entries(isObject(schema.properties) ? schema.properties : {})) {
        result[name] = instance(child, hint, root);
      }
      return result;
    }
  }
}
