import type { GenerationRecord } from '../books/index.ts';
import { GatewayError } from '../contract/index.ts';
import type { Caller, Trace } from '../gateway/gateway.ts';
import { noteEnd } from './generation-wait.ts';
import { noteWarnings } from './media-door.ts';

/** An ended generation whose answer is written once more, and what its headers say. Throws the error that it ended with. */
export async function recall(caller: Caller, id: string, trace: Trace): Promise<GenerationRecord> {
  const record = await caller.book.generation(id, caller.keyId);
  if (!record) throw new GatewayError('not_found', `${id} is not kept any more.`);
  const last = record.attempts.at(-1);
  trace.generation = id;
  if (last) {
    trace.provider = last.provider;
    trace.model = `${last.provider}/${last.model}`;
  }
  trace.simulated = record.simulated;
  noteEnd(record, trace);
  noteWarnings(trace, record);
  return record;
}
