import * as z from 'zod';
import type { JsonObject } from '../../../src/contract/index.ts';
import { invalid } from './errors.ts';

const cacheControl = z.strictObject({ type: z.literal('ephemeral'), ttl: z.enum(['5m', '1h']).optional() }).nullish();
const identifier = z.string().regex(/^[a-zA-Z0-9_-]+$/);
const text = z.strictObject({
  type: z.literal('text'),
  text: z.string().min(1),
  cache_control: cacheControl,
  citations: z.array(z.looseObject({ type: z.string() })).nullish(),
});
const base64 = z.string().regex(/^[A-Za-z0-9+/]+={0,2}$/);
const url = z.strictObject({ type: z.literal('url'), url: z.string().regex(/^https?:\/\//) });
const file = z.strictObject({ type: z.literal('file'), file_id: z.string().min(1) });
const image = z.strictObject({
  type: z.literal('image'),
  cache_control: cacheControl,
  source: z.discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('base64'),
      media_type: z.enum(['image/jpeg', 'image/png', 'image/gif', 'image/webp']),
      data: base64,
    }),
    url,
    file,
  ]),
});
const document = z.strictObject({
  type: z.literal('document'),
  cache_control: cacheControl,
  citations: z.strictObject({ enabled: z.boolean().optional() }).nullish(),
  context: z.string().min(1).nullish(),
  title: z.string().min(1).max(500).nullish(),
  source: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('base64'), media_type: z.literal('application/pdf'), data: base64 }),
    z.strictObject({ type: z.literal('text'), media_type: z.literal('text/plain'), data: z.string() }),
    z.strictObject({
      type: z.literal('content'),
      content: z.union([z.string(), z.array(z.discriminatedUnion('type', [text, image]))]),
    }),
    url,
    file,
  ]),
});
const searchResult = z.strictObject({
  type: z.literal('search_result'),
  source: z.string(),
  title: z.string(),
  content: z.array(text),
  citations: z.strictObject({ enabled: z.boolean().optional() }).optional(),
  cache_control: cacheControl,
});
const toolResult = z.strictObject({
  type: z.literal('tool_result'),
  tool_use_id: identifier,
  is_error: z.boolean().optional(),
  cache_control: cacheControl,
  content: z
    .union([z.string(), z.array(z.discriminatedUnion('type', [text, image, document, searchResult]))])
    .optional(),
});
const toolUse = z.strictObject({
  type: z.literal('tool_use'),
  id: identifier,
  name: z.string().min(1).max(200),
  input: z.record(z.string(), z.json()),
  caller: z.looseObject({ type: z.string() }).optional(),
  cache_control: cacheControl,
});
/** Blocks of server tools come back as they were sent out. */
const serverBlocks = [
  'server_tool_use',
  'web_search_tool_result',
  'web_fetch_tool_result',
  'code_execution_tool_result',
  'bash_code_execution_tool_result',
  'text_editor_code_execution_tool_result',
  'container_upload',
].map((type) => z.looseObject({ type: z.literal(type) }));
const block = z.discriminatedUnion('type', [
  text,
  image,
  document,
  searchResult,
  toolResult,
  toolUse,
  z.strictObject({ type: z.literal('thinking'), thinking: z.string(), signature: z.string() }),
  z.strictObject({ type: z.literal('redacted_thinking'), data: z.string().min(1) }),
  ...serverBlocks,
]);
const message = z.strictObject({
  role: z.enum(['user', 'assistant', 'system']),
  content: z.union([z.string(), z.array(block)]),
});
const customTool = z.strictObject({
  type: z.literal('custom').nullish(),
  name: z.string().regex(/^[a-zA-Z0-9_-]{1,128}$/),
  description: z.string().optional(),
  input_schema: z.looseObject({ type: z.literal('object') }),
  cache_control: cacheControl,
  strict: z.boolean().optional(),
  eager_input_streaming: z.boolean().nullish(),
  allowed_callers: z.array(z.string()).optional(),
  defer_loading: z.boolean().optional(),
  input_examples: z.array(z.record(z.string(), z.json())).optional(),
});
const serverTool = z.looseObject({ type: z.string().regex(/_\d{8}$/), name: z.string().optional() });
const display = z.enum(['summarized', 'omitted']).nullish();
const counted = {
  model: z.string().min(1),
  messages: z.array(message).min(1),
  system: z.union([z.string(), z.array(text)]).optional(),
  cache_control: cacheControl,
  tools: z.array(z.looseObject({ type: z.string().nullish() })).optional(),
  tool_choice: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('auto'), disable_parallel_tool_use: z.boolean().optional() }),
      z.strictObject({ type: z.literal('any'), disable_parallel_tool_use: z.boolean().optional() }),
      z.strictObject({ type: z.literal('tool'), name: z.string(), disable_parallel_tool_use: z.boolean().optional() }),
      z.strictObject({ type: z.literal('none') }),
    ])
    .optional(),
  thinking: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('enabled'), budget_tokens: z.int().min(1024), display }),
      z.strictObject({ type: z.literal('adaptive'), display }),
      z.strictObject({ type: z.literal('between_tools') }),
      z.strictObject({ type: z.literal('disabled') }),
    ])
    .optional(),
  output_config: z
    .strictObject({
      effort: z.enum(['low', 'medium', 'high', 'xhigh', 'max']).nullish(),
      format: z.strictObject({ type: z.literal('json_schema'), schema: z.record(z.string(), z.json()) }).nullish(),
    })
    .optional(),
  speed: z.enum(['standard', 'fast']).nullish(),
  user_profile_id: z.string().optional(),
  workspace_id: z.string().optional(),
};
const countSchema = z.strictObject(counted);
const messageSchema = z.strictObject({
  ...counted,
  max_tokens: z.int().min(0),
  stream: z.boolean().optional(),
  stop_sequences: z.array(z.string().min(1)).optional(),
  metadata: z.strictObject({ user_id: z.string().max(512).nullish() }).optional(),
  service_tier: z.enum(['auto', 'standard_only']).optional(),
  inference_geo: z.string().nullish(),
  container: z.union([z.string(), z.looseObject({})]).nullish(),
  diagnostics: z.looseObject({}).nullish(),
  temperature: z.number().min(0).max(1).optional(),
  top_p: z.number().min(0).max(1).optional(),
  top_k: z.int().min(0).optional(),
});

export type CountBody = z.infer<typeof countSchema>;
export type MessageBody = z.infer<typeof messageSchema>;
export type Block = z.infer<typeof block> & JsonObject;

/** Body of POST /v1/messages. Fields named `x_…` are let through; any other unknown one is refused. */
export function readMessageBody(body: JsonObject): MessageBody {
  return check(messageSchema, body) as MessageBody;
}

/** Body of POST /v1/messages/count_tokens. */
export function readCountBody(body: JsonObject): CountBody {
  return check(countSchema, body) as CountBody;
}

/** The fields a caller made up on purpose (`x_…`): echoed in the answer. */
export function echoes(body: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([name]) => name.startsWith('x_')));
}

function check(schema: z.ZodType, body: JsonObject): unknown {
  const known = Object.fromEntries(Object.entries(body).filter(([name]) => !name.startsWith('x_')));
  const result = schema.safeParse(known, { reportInput: true });
  if (!result.success) throw invalid(describe(result.error.issues[0]!, []));
  for (const [index, tool] of (Array.isArray(body.tools) ? body.tools : []).entries()) {
    const type = (tool as JsonObject).type;
    const custom = type === undefined || type === null || type === 'custom';
    const outcome = (custom ? customTool : serverTool).safeParse(tool, { reportInput: true });
    if (!outcome.success) throw invalid(describe(outcome.error.issues[0]!, ['tools', index]));
  }
  return known;
}

/** An issue in the vendor's words: `path: what is wrong`. */
function describe(issue: z.core.$ZodIssue, above: PropertyKey[]): string {
  const path = [...above, ...issue.path];
  const where = path.map(String).join('.') || 'body';
  switch (issue.code) {
    case 'unrecognized_keys':
      return `${[...path, issue.keys[0] ?? ''].map(String).join('.')}: Extra inputs are not permitted`;
    case 'invalid_type':
      if (issue.input === undefined) return `${where}: Field required`;
      return `${where}: Input should be a valid ${issue.expected === 'record' ? 'object' : issue.expected}`;
    case 'invalid_union': {
      const deepest = issue.errors
        .flat()
        .sort((one, other) => other.path.length - one.path.length)
        .at(0);
      if (deepest && deepest.path.length > 0) return describe(deepest, path);
      if (issue.discriminator && path.at(-1) === issue.discriminator)
        return `${where}: Input tag does not match any of the expected tags`;
      return `${where}: Input should be a valid string or list`;
    }
    case 'too_small':
      if (path.length === 1 && path[0] === 'messages') return 'messages: at least one message is required';
      return `${where}: Input should be greater than or equal to ${issue.minimum}`;
    case 'too_big':
      return `${where}: Input should be less than or equal to ${issue.maximum}`;
    default:
      return `${where}: ${issue.message}`;
  }
}
