import type { JsonObject, Part } from '../contract/index.ts';

/** A part of a text answer as generations show and keep it. Opaque state is its owner's and is not shown. */
export function outputOfPart(part: Part): JsonObject {
  switch (part.type) {
    case 'text':
    case 'reasoning':
    case 'refusal':
      return { type: part.type, text: part.text };
    case 'tool_call':
      return { type: 'tool_call', id: part.id, name: part.name, arguments: part.arguments };
    case 'embedding':
      return { type: 'embedding', index: part.index, vector: part.vector };
    default:
      return { type: part.type };
  }
}
