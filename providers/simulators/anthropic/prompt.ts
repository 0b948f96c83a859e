import type { Json, JsonObject } from '../../../src/contract/index.ts';
import { isObject } from '../../../src/contract/index.ts';
import { countTokens, type Prompt } from '../text.ts';
import { invalid } from './errors.ts';
import type { Block, CountBody, MessageBody } from './request.ts';
import type { Turn } from './turns.ts';

/** One cacheable piece of the input, in the order the model reads it: tools, system, messages. */
export type Piece = { key: string; tokens: number; ttl?: '5m' | '1h' };

/** The input in pieces; their tokens add up to what is billed. */
export function readPieces(body: CountBody, turns: Turn[]): Piece[] {
  const pieces: Piece[] = [];
  const push = (where: string, value: Json | Block) => {
    const { cache_control: control, ...rest } = isObject(value) ? value : { text: value };
    const ttl = isObject(control) ? (control.ttl === '1h' ? '1h' : '5m') : undefined;
    pieces.push({ key: `${where}${JSON.stringify(rest)}`, tokens: tokensOf(rest), ttl });
  };
  for (const tool of body.tools ?? []) push('tool', tool as JsonObject);
  if (typeof body.system === 'string') push('system', body.system);
  else for (const block of body.system ?? []) push('system', block as JsonObject);
  for (const turn of turns) for (const block of turn.blocks) push(turn.role, block);
  if (pieces[0]) pieces[0].tokens += 3;
  const last = pieces.at(-1);
  if (last && body.cache_control) last.ttl ??= body.cache_control.ttl ?? '5m';
  const marked = pieces.filter((piece) => piece.ttl);
  if (marked.length > 4)
    throw invalid(`A maximum of 4 blocks with cache_control may be provided. Found ${marked.length}.`);
  const firstShort = marked.findIndex((piece) => piece.ttl === '5m');
  if (firstShort >= 0 && marked.slice(firstShort).some((piece) => piece.ttl === '1h'))
    throw invalid("a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block");
  return pieces;
}

function tokensOf(block: JsonObject): number {
  switch (block.type) {
    case 'image':
      return imageTokens(block.source);
    case 'document':
      return documentTokens(block.source);
    case 'text':
      return countTokens(String(block.text));
    case 'thinking':
      return countTokens(String(block.thinking));
    case 'redacted_thinking':
      return 0;
    case 'tool_result': {
      const content = block.content;
      if (!Array.isArray(content)) return countTokens(String(content ?? '')) + 4;
      return content.reduce((sum: number, part) => sum + tokensOf(part as JsonObject), 4);
    }
    default:
      return countTokens(typeof block.text === 'string' ? block.text : JSON.stringify(block));
  }
}

/** About width × height / 750, at most 1600: https://platform.claude.com/docs/en/build-with-claude/vision. */
function imageTokens(source: Json | undefined): number {
  const head = isObject(source) && source.media_type === 'image/png' ? atob(String(source.data).slice(0, 32)) : '';
  if (head.length < 24) return 1600;
  const number = (from: number) => [0, 1, 2, 3].reduce((sum, step) => sum * 256 + head.charCodeAt(from + step), 0);
  return Math.min(1600, Math.max(1, Math.ceil((number(16) * number(20)) / 750)));
}

function documentTokens(source: Json | undefined): number {
  if (!isObject(source)) return 0;
  if (source.type === 'text') return countTokens(String(source.data));
  if (source.type === 'content' && typeof source.content === 'string') return countTokens(source.content);
  if (source.type === 'content' && Array.isArray(source.content))
    return source.content.reduce((sum: number, part) => sum + tokensOf(part as JsonObject), 0);
  const pages = source.type === 'base64' ? (atob(String(source.data)).match(/\/Type\s*\/Page\b/g)?.length ?? 1) : 1;
  return 1500 * Math.max(1, pages);
}

/** The request in no vendor's words, for the simulated mind. */
export function readPrompt(body: MessageBody, turns: Turn[], seed: string): Prompt {
  const last = turns.findLast((turn) => turn.role === 'user');
  const blocks = last?.blocks ?? [];
  const results = blocks.filter((block) => block.type === 'tool_result');
  const tools = (body.tools ?? []).filter((tool) => !tool.type || tool.type === 'custom') as JsonObject[];
  const before = turns.filter((turn) => turn !== last).map((turn) => turn.blocks);
  return {
    seed,
    model: body.model,
    user: textOf(blocks),
    context: JSON.stringify([body.tools ?? [], body.system ?? '', before]),
    tools: tools.map((tool) => ({ name: String(tool.name), parameters: tool.input_schema as JsonObject })),
    toolChoice: readChoice(body, tools),
    parallelTools: !(body.tool_choice && 'disable_parallel_tool_use' in body.tool_choice)
      ? undefined
      : !body.tool_choice.disable_parallel_tool_use,
    toolResults: results.length > 0 ? results.map(resultText) : undefined,
    schema: body.output_config?.format?.schema as JsonObject | undefined,
    maxTokens: body.max_tokens,
    stop: body.stop_sequences,
    reasons: body.thinking?.type === 'enabled' || body.thinking?.type === 'adaptive' || thinksBetween(body, results),
    attachments: turns
      .flatMap((turn) => turn.blocks)
      .filter((block) => block.type === 'image' || block.type === 'document').length,
  };
}

const thinksBetween = (body: MessageBody, results: Block[]) =>
  body.thinking?.type === 'between_tools' && results.length > 0;

function readChoice(body: MessageBody, tools: JsonObject[]): Prompt['toolChoice'] {
  const choice = body.tool_choice;
  if (!choice || choice.type === 'auto') return 'auto';
  if (choice.type === 'none') return 'none';
  if (!body.tools?.length) throw invalid('tool_choice: tool_choice may only be specified while providing tools');
  if (body.thinking?.type === 'enabled' || body.thinking?.type === 'adaptive')
    throw invalid('Thinking may not be enabled when tool_choice forces tool use.');
  if (choice.type === 'any') return 'required';
  if (!tools.some((tool) => tool.name === choice.name))
    throw invalid(`Tool '${choice.name}' not found in provided tools`);
  return { name: choice.name };
}

function textOf(blocks: Json[]): string {
  return blocks
    .filter(isObject)
    .filter((block) => block.type === 'text')
    .map((block) => String(block.text))
    .join('\n');
}

function resultText(block: Block): string {
  const text = typeof block.content === 'string' ? block.content : textOf((block.content as Json[] | undefined) ?? []);
  return block.is_error ? `error: ${text}` : text;
}
