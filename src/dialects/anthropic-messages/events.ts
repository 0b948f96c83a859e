import {
  asGatewayError,
  at,
  type Delta,
  type Event,
  isObject,
  type Json,
  type JsonObject,
  numberAt,
  type Part,
  type SseFrame,
  type StreamScan,
  stringAt,
} from '../../contract/index.ts';
import { inSequence, openPart } from '../fold.ts';
import { blameProvider, defined, interrupted, opaqueFor, overlay, parseFrame, takeKnown } from '../shared.ts';
import { assetAsText, dialect, readBlock, writeBlock, writeCitations } from './blocks.ts';
import { errorInside, writeError } from './errors.ts';
import {
  emptyMessage,
  mergeUsage,
  messageFields,
  readFinish,
  readUsage,
  withoutNulls,
  writeFinish,
  writeUsage,
} from './response.ts';

/** A block that is coming in. `held` is one without a word: it is passed on when whole. */
type Incoming = { index: number; part?: Part; held?: JsonObject; input: string };

/** Events of a Messages stream. Whatever breaks it, the last event says so. */
export async function* readEvents(frames: AsyncIterable<SseFrame>): AsyncGenerator<Event, void, undefined> {
  try {
    const blocks = new Map<number, Incoming>();
    let next = 0;
    let usage: Json | undefined;
    let rawReason: string | undefined;
    for await (const { data } of frames) {
      const frame = parseFrame(data);
      const block = blocks.get(numberAt(frame, 'index') ?? -1);
      switch (at(frame, 'type')) {
        case 'message_start': {
          const message = at(frame, 'message');
          const { known, extra } = takeKnown(isObject(message) ? message : {}, messageFields);
          yield defined<Event>({
            type: 'start',
            id: stringAt(known, 'id') || undefined,
            model: stringAt(known, 'model') || undefined,
          });
          yield* leftovers(extra);
          break;
        }
        case 'content_block_start': {
          const opened = openBlock(at(frame, 'content_block') ?? {}, next);
          blocks.set(numberAt(frame, 'index') ?? next, opened);
          next++;
          if (opened.part) yield { type: 'part_start', index: opened.index, part: opened.part };
          break;
        }
        case 'content_block_delta': {
          const delta = block && readDelta(at(frame, 'delta'), block);
          if (delta) yield { type: 'part_delta', index: block.index, delta };
          break;
        }
        case 'content_block_stop':
          blocks.delete(numberAt(frame, 'index') ?? -1);
          if (block) yield* closeBlock(block);
          break;
        case 'message_delta': {
          const delta = at(frame, 'delta');
          const { known, extra } = takeKnown(isObject(delta) ? delta : {}, ['stop_reason']);
          if (typeof known.stop_reason === 'string') rawReason = known.stop_reason;
          yield* leftovers(extra);
          break;
        }
        case 'error':
          yield { type: 'error', error: errorInside(frame) };
          return;
        case 'message_stop':
          for (const open of blocks.values()) yield* closeBlock(open);
          yield defined<Event>({ type: 'finish', reason: readFinish(rawReason), rawReason });
          return;
      }
      const merged = mergeUsage(frame, usage);
      if (merged !== usage) yield { type: 'usage', counts: readUsage(merged).counts ?? {}, raw: merged };
      usage = merged;
    }
    yield { type: 'error', error: interrupted() };
  } catch (thrown) {
    yield { type: 'error', error: blameProvider(thrown) };
  }
}

function* leftovers(extra: JsonObject): Generator<Event> {
  const params = withoutNulls(extra);
  if (Object.keys(params).length > 0) yield { type: 'other', dialect, data: params };
}

function openBlock(block: Json, index: number): Incoming {
  const part = readBlock(
    isObject(block) && block.type === 'thinking' ? { thinking: '', ...block } : block,
    'content_block',
  );
  if (part.type === 'tool_call') {
    // the input starts as {} and grows as text; a server that sends it whole is read too
    return { index, part: { ...part, arguments: '' }, input: part.arguments };
  }
  if (part.type === 'other') return { index, held: isObject(block) ? block : {}, input: '' };
  return { index, part, input: '' };
}

function readDelta(delta: Json | undefined, block: Incoming): Delta | undefined {
  if (!isObject(delta)) return undefined;
  if (delta.type === 'text_delta' && delta.text) return { text: String(delta.text) };
  if (delta.type === 'thinking_delta' && delta.thinking) return { text: String(delta.thinking) };
  if (delta.type === 'signature_delta') return { opaque: { owner: dialect, data: String(delta.signature) } };
  if (delta.type === 'citations_delta' && delta.citation !== undefined) return { annotation: delta.citation };
  if (delta.type !== 'input_json_delta' || !delta.partial_json) return undefined;
  if (block.held) {
    block.input += String(delta.partial_json);
    return undefined;
  }
  block.input = '';
  return { arguments: String(delta.partial_json) };
}

function* closeBlock({ index, part, held, input }: Incoming): Generator<Event> {
  if (held) {
    const data = input === '' ? held : { ...held, input: parseFrame(input) };
    yield { type: 'part_start', index, part: { type: 'other', dialect, data } };
  } else if (part?.type === 'tool_call' && input !== '') {
    yield { type: 'part_delta', index, delta: { arguments: input } };
  }
  yield { type: 'part_end', index };
}

const frame = (type: string, fields: JsonObject = {}): SseFrame => ({
  event: type,
  data: JSON.stringify({ type, ...fields }),
});

/**
 * Frames of a Messages stream. `message_start` waits for the first part, so that usage known by then is in it; counts not known then
 * are 0 there, as the dialect demands, and are told by message_delta.
 */
export async function* writeEvents(events: AsyncIterable<Event>): AsyncGenerator<SseFrame, void, undefined> {
  let start: JsonObject | undefined = emptyMessage();
  let extra: JsonObject = {};
  let counts = {};
  let raw: Json | undefined;
  let finish: { reason: string } | undefined;
  let block = -1;
  let open: Part | undefined;
  function* begin(): Generator<SseFrame> {
    if (!start) return;
    const known = writeUsage(counts, raw);
    const usage = { ...known, input_tokens: known.input_tokens ?? 0, output_tokens: 0 };
    const { stop_sequence, stop_details, container, ...rest } = extra;
    extra = defined({ stop_sequence, stop_details, container }) as JsonObject;
    yield frame('message_start', { message: overlay({ ...start, usage }, rest) });
    start = undefined;
  }
  try {
    for await (const event of inSequence(events)) {
      // a Messages stream has one answer: further choices have no place
      if ('choice' in event && (event.choice ?? 0) > 0) continue;
      if (event.type === 'start') start = emptyMessage(event.id, event.model);
      else if (event.type === 'other') {
        if (event.dialect === dialect && isObject(event.data)) extra = overlay(extra, event.data) as JsonObject;
      } else if (event.type === 'usage') {
        counts = { ...counts, ...event.counts };
        if (event.raw !== undefined) raw = overlay(raw, event.raw);
      } else if (event.type === 'finish') finish = { reason: writeFinish(event.reason, event.rawReason) };
      else if (event.type === 'error') {
        yield frame('error', writeError(event.error));
        return;
      } else if (event.type === 'part_start') {
        yield* begin();
        const opening = writeOpening(event.part);
        if (!opening) continue;
        open = event.part;
        yield frame('content_block_start', { index: ++block, content_block: opening.block });
        for (const delta of opening.deltas) yield frame('content_block_delta', { index: block, delta });
      } else if (event.type === 'part_delta' && open) {
        for (const delta of writeDelta(event.delta, open)) yield frame('content_block_delta', { index: block, delta });
      } else if (event.type === 'part_end' && open) {
        open = undefined;
        yield frame('content_block_stop', { index: block });
      }
    }
    if (!finish) throw interrupted();
    yield* begin();
    const delta = { stop_reason: finish.reason, stop_sequence: null, stop_details: null, container: null, ...extra };
    yield frame('message_delta', { delta, usage: writeUsage(counts, raw) });
    yield frame('message_stop');
  } catch (thrown) {
    yield frame('error', writeError(asGatewayError(thrown)));
  }
}

function writeOpening(part: Part): { block: JsonObject; deltas: JsonObject[] } | undefined {
  if (part.type === 'asset') {
    const text = assetAsText(part, 'content');
    return { block: { type: 'text', text: '', citations: null }, deltas: [{ type: 'text_delta', text }] };
  }
  const { part: opened, deltas } = openPart(part);
  // fields of this dialect on a text or a call belong to the opening; a signature comes as a delta
  const kept = 'opaque' in part && part.type !== 'reasoning' ? { opaque: part.opaque } : {};
  const written = writeBlock({ ...opened, ...kept } as Part, 'answer', 'content', []);
  if (!written) return undefined;
  if (part.type === 'other' && isObject(written.input)) {
    const partial_json = JSON.stringify(written.input);
    return { block: { ...written, input: {} }, deltas: [{ type: 'input_json_delta', partial_json }] };
  }
  return { block: written, deltas: deltas.flatMap((delta) => writeDelta(delta, part)) };
}

function writeDelta(delta: Delta, part: Part): JsonObject[] {
  if ('text' in delta) {
    if (delta.text === '') return [];
    if (part.type === 'reasoning') return part.redacted ? [] : [{ type: 'thinking_delta', thinking: delta.text }];
    return [{ type: 'text_delta', text: delta.text }];
  }
  if ('arguments' in delta)
    return delta.arguments === '' ? [] : [{ type: 'input_json_delta', partial_json: delta.arguments }];
  if ('annotation' in delta) {
    return writeCitations([delta.annotation], 'answer', []).map((citation) => ({ type: 'citations_delta', citation }));
  }
  const signature = part.type === 'reasoning' && !part.redacted ? opaqueFor(delta.opaque, dialect) : undefined;
  return typeof signature === 'string' ? [{ type: 'signature_delta', signature }] : [];
}

const watched = /"type":\s*"(?:message_|error")/;
const last = /"type":\s*"message_stop"/;
const says = /"type":\s*"(?:content_block_delta|message_delta|message_stop)"|"type":\s*"tool_use"/;
const stops = /"stop_reason":\s*"/;

/** What the straight path looks for. In a delta's text the quotes are escaped, so that it cannot be mistaken for a frame's type. */
export const scan: StreamScan = {
  interesting: (data) => watched.test(data),
  usage: (data, before) => mergeUsage(data, before),
  terminal: (data) => last.test(data),
  error: (data) => (at(data, 'type') === 'error' ? (at(data, 'error') ?? data) : undefined),
  usageOfBody: (body) => at(body, 'usage') ?? undefined,
  begins: (data) => says.test(data),
  closing: (data) => watched.test(data) && stops.test(data),
  closer: { event: 'message_stop', data: '{"type":"message_stop"}' },
};
