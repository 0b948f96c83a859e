import type { JsonObject } from '../../../src/contract/index.ts';
import { Refused } from './errors.ts';

/** Ids that the vendor's own SDK names; any other `claude-…` is served too. */
const listed = [
  'claude-fable-5-2',
  'claude-mythos-5-2',
  'claude-haiku-5-5',
  'claude-sonnet-5-5',
  'claude-opus-5-5',
  'claude-sonnet-5',
  'claude-opus-5',
  'claude-opus-4-8',
  'claude-opus-4-7',
  'claude-opus-4-6',
  'claude-sonnet-4-6',
  'claude-haiku-4-5-20251001',
  'claude-opus-4-5-20251101',
  'claude-sonnet-4-5-20250929',
];

/** What a model id says of itself: line and generation, e.g. opus 4.6. */
function traits(id: string): { line: string; generation: number } {
  const found = /^claude-([a-z]+)-(\d+)(?:-(\d{1,2}))?(?!\d)/.exec(id);
  return { line: found?.[1] ?? 'claude', generation: found ? Number(`${found[2]}.${found[3] ?? 0}`) : 3 };
}

export function requireModel(id: string): void {
  if (!/^claude-./.test(id)) throw new Refused(404, `model: ${id}`);
}

/** Models from 4.6 on refuse a conversation that ends with an assistant turn. */
export const takesPrefill = (id: string) => traits(id).generation < 4.6;

export const contextWindow = (id: string) =>
  traits(id).generation >= 4.6 && traits(id).line !== 'haiku' ? 1_000_000 : 200_000;

export const maxOutput = (id: string) => (traits(id).generation >= 4.6 ? 128_000 : 64_000);

/** One row of GET /v1/models. */
export function modelInfo(id: string): JsonObject {
  requireModel(id);
  const { line, generation } = traits(id);
  const yes = { supported: true };
  const no = { supported: false };
  const named = ['haiku', 'sonnet', 'opus', 'fable', 'mythos'].includes(line);
  return {
    type: 'model',
    id,
    display_name: `Claude ${line[0]?.toUpperCase()}${line.slice(1)} ${generation}`,
    created_at: '2026-01-01T00:00:00Z',
    deprecated_at: null,
    retires_at: null,
    lifecycle: 'active',
    line: named ? line : null,
    max_input_tokens: contextWindow(id),
    max_tokens: maxOutput(id),
    capabilities: {
      batch: no,
      citations: no,
      code_execution: no,
      context_management: {
        supported: false,
        clear_thinking_20251015: no,
        clear_tool_uses_20250919: no,
        compact_20260112: no,
      },
      effort: { supported: true, low: yes, medium: yes, high: yes, xhigh: yes, max: yes },
      image_input: yes,
      pdf_input: yes,
      server_tools: { supported: false, code_execution: no, web_search: no },
      structured_outputs: yes,
      thinking: { supported: true, types: { adaptive: yes, enabled: yes } },
    },
  };
}

/** GET /v1/models with the vendor's cursors. */
export function listModels(query: URLSearchParams): JsonObject {
  const limit = Number(query.get('limit') ?? 20);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000)
    throw new Refused(400, 'limit: Input should be between 1 and 1000');
  const after = query.get('after_id');
  const before = query.get('before_id');
  const start = after ? listed.indexOf(after) + 1 : 0;
  const end = before ? Math.max(0, listed.indexOf(before)) : listed.length;
  const ids = before ? listed.slice(Math.max(0, end - limit), end) : listed.slice(start, start + limit);
  return {
    data: ids.map(modelInfo),
    first_id: ids[0] ?? null,
    last_id: ids.at(-1) ?? null,
    has_more: before ? end > limit : start + limit < listed.length,
  };
}
