import type { ResponseRecord } from '../books/index.ts';
import { GatewayError, isObject, type Json, type JsonObject } from '../contract/index.ts';
import type { Caller } from '../gateway/gateway.ts';
import { badField } from './refuse.ts';

/** A Responses request made ready: its own input as items, and the whole conversation it continues. */
export type Continued = { body: JsonObject; input: Json[]; context: Json[] };

/**
 * Resolves `previous_response_id` from the tenant's book. Where the provider that will answer keeps that id itself
 * (`native`), the id passes; otherwise the earlier turns are spelled out as input. An id that the book does not know is
 * refused even where the provider might know it: in the provider's account it may be another tenant's.
 */
export async function continueFrom(caller: Caller, body: JsonObject, native: string | undefined): Promise<Continued> {
  const input = itemsOf(body.input);
  const previous = body.previous_response_id;
  if (body.conversation !== undefined && body.conversation !== null) {
    throw new GatewayError('unsupported_parameter', {
      message: 'Conversations are not kept here: go on with previous_response_id.',
      param: 'conversation',
    });
  }
  if (previous === undefined || previous === null) return { body, input, context: input };
  if (typeof previous !== 'string') throw badField('previous_response_id', 'is the id of a response.');
  const record = await caller.book.response(previous, caller.keyId);
  if (!record) {
    throw new GatewayError('not_found', {
      message: `No response is called "${previous}".`,
      param: 'previous_response_id',
      status: 400,
    });
  }
  if (record.status !== 'completed' && record.status !== 'incomplete') {
    throw new GatewayError('invalid_request', {
      message: `The response "${previous}" is ${record.status}.`,
      param: 'previous_response_id',
    });
  }
  const output = Array.isArray(record.body.output) ? record.body.output : [];
  const context = [...record.context, ...output, ...input];
  if (native !== undefined && record.provider === native) return { body, input, context };
  const { previous_response_id: _, ...rest } = body;
  return { body: { ...rest, input: context }, input, context };
}

/** A text input as the item that it stands for. */
function itemsOf(input: Json | undefined): Json[] {
  if (typeof input === 'string')
    return [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: input }] }];
  return Array.isArray(input) ? input : [];
}

/** The input items of a stored response in list form, each with an id. */
export function listInput(record: ResponseRecord): JsonObject {
  const data = record.input.map((item, place) =>
    isObject(item) ? { id: `item_${record.id.replace(/^resp_/, '')}_${place}`, type: 'message', ...item } : item,
  );
  const idOf = (item: Json | undefined) => (isObject(item) ? (item.id ?? null) : null);
  return { object: 'list', data, first_id: idOf(data[0]), last_id: idOf(data.at(-1)), has_more: false };
}
