import { invalid } from './errors.ts';
import { takesPrefill } from './models.ts';
import type { Block, CountBody, MessageBody } from './request.ts';
import { verify } from './signature.ts';

/** Consecutive messages of one role, merged; `index` is that of the first. */
export type Turn = { role: 'user' | 'assistant' | 'system'; index: number; blocks: Block[] };

/** The conversation as turns, once it keeps the vendor's rules. */
export function readTurns(body: CountBody | MessageBody, seed: string): Turn[] {
  const turns: Turn[] = [];
  for (const [index, message] of body.messages.entries()) {
    const last = index === body.messages.length - 1;
    if (message.content.length === 0 && !(last && message.role === 'assistant'))
      throw invalid(
        `messages.${index}: all messages must have non-empty content except for the optional final assistant message`,
      );
    const blocks = (
      typeof message.content === 'string' ? [{ type: 'text', text: message.content }] : message.content
    ) as Block[];
    const previous = turns.at(-1);
    if (previous?.role === message.role) previous.blocks.push(...blocks);
    else turns.push({ role: message.role, index, blocks: [...blocks] });
  }
  if (turns[0]?.role === 'assistant') throw invalid('messages: first message must use the "user" role');
  checkTools(turns);
  checkThinking(turns, body, seed);
  checkEnd(turns, body.model);
  return turns;
}

function checkTools(turns: Turn[]): void {
  for (const [place, turn] of turns.entries()) {
    const allowed = turn.role === 'assistant' ? assistantBlocks : userBlocks;
    for (const [number, block] of turn.blocks.entries()) {
      if (!allowed(block.type))
        throw invalid(
          `messages.${turn.index}.content.${number}: \`${block.type}\` blocks are not allowed in ${turn.role} turns`,
        );
    }
    const next = turns[place + 1];
    if (turn.role === 'assistant') {
      const ids = turn.blocks.flatMap((block) => (block.type === 'tool_use' ? [String(block.id)] : []));
      const repeated = ids.find((id, number) => ids.indexOf(id) !== number);
      if (repeated) throw invalid(`messages.${turn.index}: \`tool_use\` ids must be unique: ${repeated}`);
      const answers = answeredBy(next);
      const missing = ids.filter((id) => !answers.includes(id));
      if (missing.length > 0)
        throw invalid(
          `messages.${turn.index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${missing.join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`,
        );
    } else checkResults(turn, turns[place - 1]);
  }
}

function checkResults(turn: Turn, before: Turn | undefined): void {
  const asked = before?.role === 'assistant' ? before.blocks.filter((block) => block.type === 'tool_use') : [];
  const seen = new Set<unknown>();
  let other = false;
  for (const [number, block] of turn.blocks.entries()) {
    const where = `messages.${turn.index}.content.${number}`;
    if (block.type !== 'tool_result') {
      other = true;
      continue;
    }
    if (!asked.some((call) => call.id === block.tool_use_id))
      throw invalid(
        `${where}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${block.tool_use_id}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`,
      );
    if (other) throw invalid(`${where}: \`tool_result\` blocks must come before all other content`);
    if (seen.has(block.tool_use_id))
      throw invalid(
        `${where}: each tool_use must have a single result. Found multiple \`tool_result\` blocks with id: ${block.tool_use_id}`,
      );
    seen.add(block.tool_use_id);
  }
}

function answeredBy(turn: Turn | undefined): string[] {
  if (turn?.role !== 'user') return [];
  return turn.blocks.flatMap((block) => (block.type === 'tool_result' ? [String(block.tool_use_id)] : []));
}

function checkThinking(turns: Turn[], body: CountBody, seed: string): void {
  for (const turn of turns) {
    for (const [number, block] of turn.blocks.entries()) {
      if (block.type !== 'thinking') continue;
      if (!verify(seed, String(block.thinking), String(block.signature)))
        throw invalid(`messages.${turn.index}.content.${number}: Invalid \`signature\` in \`thinking\` block`);
    }
  }
  if (body.thinking?.type !== 'enabled') return;
  const last = turns.findLast((turn) => turn.role === 'assistant');
  const first = last?.blocks[0]?.type;
  if (!last?.blocks.some((block) => block.type === 'tool_use')) return;
  if (first !== 'thinking' && first !== 'redacted_thinking' && turns.at(-1)?.blocks[0]?.type === 'tool_result')
    throw invalid(
      `messages.${last.index}.content.0.type: Expected \`thinking\` or \`redacted_thinking\`, but found \`${first}\`. When \`thinking\` is enabled, a final \`assistant\` message must start with a thinking block (preceeding the lastmost set of \`tool_use\` and \`tool_result\` blocks). To avoid this requirement, disable \`thinking\`.`,
    );
}

function checkEnd(turns: Turn[], model: string): void {
  const last = turns.at(-1);
  if (last?.role !== 'assistant') return;
  if (!takesPrefill(model))
    throw invalid(
      'This model does not support assistant message prefill. The conversation must end with a user message.',
    );
  const ending = last.blocks.at(-1);
  if (ending?.type === 'text' && /\s$/.test(String(ending.text)))
    throw invalid('messages: final assistant content cannot end with trailing whitespace');
}

const assistantOnly = new Set(['tool_use', 'thinking', 'redacted_thinking', 'server_tool_use']);
const userOnly = new Set(['tool_result', 'image', 'document', 'search_result', 'container_upload']);
const assistantBlocks = (type: string) => !userOnly.has(type);
const userBlocks = (type: string) => !assistantOnly.has(type);
