import { isObject, type Json, type JsonObject } from '../../contract/index.ts';

/**
 * What a response object repeats of its request, with the API's defaults where the request says nothing.
 * @param completedAt seconds since 1970, once the response is complete.
 */
export function echoOf(request: JsonObject, completedAt?: number): JsonObject {
  const text = isObject(request.text) ? request.text : {};
  const reasoning = isObject(request.reasoning) ? request.reasoning : {};
  const or = (name: string, otherwise: Json): Json => request[name] ?? otherwise;
  const tier = or('service_tier', 'default');
  return {
    completed_at: completedAt ?? null,
    background: or('background', false),
    frequency_penalty: or('frequency_penalty', 0),
    instructions: or('instructions', null),
    max_output_tokens: or('max_output_tokens', null),
    max_tool_calls: or('max_tool_calls', null),
    metadata: or('metadata', {}),
    parallel_tool_calls: or('parallel_tool_calls', true),
    presence_penalty: or('presence_penalty', 0),
    previous_response_id: or('previous_response_id', null),
    prompt_cache_key: or('prompt_cache_key', null),
    reasoning: { effort: null, summary: null, ...reasoning },
    safety_identifier: or('safety_identifier', null),
    service_tier: tier === 'auto' ? 'default' : tier,
    store: or('store', true),
    temperature: or('temperature', 1),
    text: { ...text, format: text.format ?? { type: 'text' } },
    tool_choice: or('tool_choice', 'auto'),
    tools: Array.isArray(request.tools) ? request.tools.map(wholeTool) : [],
    top_logprobs: or('top_logprobs', 0),
    top_p: or('top_p', 1),
    truncation: or('truncation', 'disabled'),
  };
}

/** A function with the fields that a request may leave out. */
function wholeTool(tool: Json): Json {
  if (!isObject(tool) || tool.type !== 'function') return tool;
  return {
    ...tool,
    description: tool.description ?? null,
    parameters: tool.parameters ?? null,
    strict: tool.strict ?? true,
  };
}
