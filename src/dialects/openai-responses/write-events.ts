import {
  asGatewayError,
  at,
  type Delta,
  type Event,
  type FinishReason,
  isObject,
  type Json,
  type JsonObject,
  type Part,
  type SseFrame,
  type TextAnswer,
  type TokenCounts,
} from '../../contract/index.ts';
import { grow, inSequence, openPart } from '../fold.ts';
import { defined, interrupted, overlay, ownExtra } from '../shared.ts';
import { dialect, ownFields, writeAnnotation, writeItem, writeOutputText } from './items.ts';
import { headOf, itemIds, writeResponse } from './response.ts';

/**
 * Named events with running sequence numbers, from `response.created` to `response.completed` or `response.incomplete`. An `error`
 * event, or a stream that ends without `finish`, becomes an `error` frame and nothing after it. Only the first choice is shown.
 */
export async function* writeEvents(events: AsyncIterable<Event>): AsyncGenerator<SseFrame, void, undefined> {
  const writer = new StreamWriter();
  try {
    for await (const event of inSequence(events)) yield* writer.write(event);
    yield* writer.end();
  } catch (thrown) {
    const { code, details } = asGatewayError(thrown);
    yield writer.frame('error', { code, message: details.message, param: details.param ?? null });
  }
}

type Message = { id: string; output: number; content: Json[]; phase?: Json };
type Current = {
  index: number;
  part: Part;
  id: string;
  output: number;
  position: number;
  annotations: number;
  begun: boolean;
};

class StreamWriter {
  private sequence = 0;
  private next = 0;
  private started = false;
  private head: Pick<TextAnswer, 'id' | 'model' | 'created'> = {};
  private readonly parts: Part[] = [];
  private message: Message | undefined;
  private current: Current | undefined;
  private logprobs: Json[] = [];
  private counts: TokenCounts | undefined;
  private raw: Json | undefined;
  private extra: JsonObject = {};
  private finish: { reason: FinishReason; raw?: string } | undefined;

  frame(type: string, fields: JsonObject): SseFrame {
    return { event: type, data: JSON.stringify({ type, ...fields, sequence_number: this.sequence++ }) };
  }

  *write(event: Event): Generator<SseFrame> {
    switch (event.type) {
      case 'start':
        this.head = defined({ id: event.id, model: event.model, created: event.created });
        yield* this.start();
        break;
      case 'part_start':
        if (event.choice) break;
        yield* this.start();
        yield* this.open(event.index, event.part);
        break;
      case 'part_delta':
        if (this.current?.index === event.index) yield* this.delta(this.current, event.delta);
        break;
      case 'part_end':
        if (this.current?.index === event.index) yield* this.close(this.current);
        break;
      case 'logprobs': {
        const content = at(event.logprobs, 'content');
        if (event.choice || !Array.isArray(content)) break;
        this.logprobs.push(...content);
        if (this.current?.part.type === 'text')
          yield this.onText(this.current, 'response.output_text.delta', { delta: '', logprobs: content });
        break;
      }
      case 'usage':
        this.counts = { ...this.counts, ...event.counts };
        if (event.raw !== undefined) this.raw = overlay(this.raw, event.raw);
        break;
      case 'finish':
        if (!event.choice) this.finish = defined({ reason: event.reason, raw: event.rawReason });
        break;
      case 'error':
        throw event.error;
      case 'other':
        if (isObject(event.data))
          this.extra = overlay(
            this.extra,
            ownExtra({ dialect: event.dialect, params: event.data }, dialect),
          ) as JsonObject;
    }
  }

  *end(): Generator<SseFrame> {
    if (!this.finish) throw interrupted();
    yield* this.start();
    yield* this.closeMessage();
    const { reason, raw } = this.finish;
    const logprobs = this.logprobs.length > 0 ? { logprobs: { content: this.logprobs, refusal: null } } : {};
    const response = writeResponse(
      defined<TextAnswer>({
        ...this.head,
        choices: [defined({ parts: this.parts, finish: reason, rawFinish: raw, ...logprobs })],
        counts: this.counts,
        rawUsage: this.raw,
        extra: { dialect, params: this.extra },
      }),
    );
    yield this.frame(response.status === 'incomplete' ? 'response.incomplete' : 'response.completed', { response });
  }

  private *start(): Generator<SseFrame> {
    if (this.started) return;
    this.started = true;
    const response = overlay({ ...headOf(this.head), status: 'in_progress', output: [] }, this.extra);
    yield this.frame('response.created', { response });
    yield this.frame('response.in_progress', { response });
  }

  private id(prefix: string, position: number): string {
    return itemIds(this.head.id)(prefix, position);
  }

  private *open(index: number, whole: Part): Generator<SseFrame> {
    const { part, deltas } = openPart(whole);
    this.parts.push({ ...part });
    const kept = this.parts.at(-1) as Part;
    if (part.type === 'text' || part.type === 'refusal') {
      if (!this.message) {
        const phase = whole.type === 'text' ? ownFields(whole).phase : undefined;
        this.message = { id: this.id('msg', this.next), output: this.next++, content: [], ...(phase ? { phase } : {}) };
        yield this.frame('response.output_item.added', {
          output_index: this.message.output,
          item: this.messageItem('in_progress'),
        });
      }
      const { id, output, content } = this.message;
      this.current = { index, part: kept, id, output, position: content.length, annotations: 0, begun: true };
      const empty = writeOutputText({ type: part.type, text: '' }, []);
      yield this.onText(this.current, 'response.content_part.added', { part: empty });
    } else {
      const item = writeItem(
        'opaque' in whole ? ({ ...part, opaque: whole.opaque } as Part) : part,
        (prefix, at) => this.id(prefix, at),
        this.next,
      );
      if (!item) return;
      yield* this.closeMessage();
      const id = typeof item.id === 'string' ? item.id : this.id('item', this.next);
      this.current = { index, part: kept, id, output: this.next++, position: 0, annotations: 0, begun: false };
      const status: JsonObject = part.type === 'tool_call' ? { status: 'in_progress' } : {};
      yield this.frame('response.output_item.added', {
        output_index: this.current.output,
        item: { ...item, ...status },
      });
    }
    for (const delta of deltas) yield* this.delta(this.current, delta);
  }

  private *delta(current: Current, delta: Delta): Generator<SseFrame> {
    const { part } = current;
    grow(part, delta);
    if ('text' in delta) {
      if (part.type === 'text')
        yield this.onText(current, 'response.output_text.delta', { delta: delta.text, logprobs: [] });
      else if (part.type === 'refusal') yield this.onText(current, 'response.refusal.delta', { delta: delta.text });
      else if (part.type === 'reasoning') {
        if (!current.begun) {
          yield this.onItem(current, 'response.reasoning_summary_part.added', {
            summary_index: 0,
            part: { type: 'summary_text', text: '' },
          });
        }
        current.begun = true;
        yield this.onItem(current, 'response.reasoning_summary_text.delta', { summary_index: 0, delta: delta.text });
      }
    } else if ('arguments' in delta) {
      yield this.onItem(current, 'response.function_call_arguments.delta', { delta: delta.arguments });
    } else if ('opaque' in delta) {
      const phase = part.type === 'text' ? ownFields(part).phase : undefined;
      if (phase && this.message) this.message.phase = phase;
    } else if ('annotation' in delta && part.type === 'text') {
      for (const annotation of writeAnnotation(delta.annotation, part.text.length)) {
        const annotation_index = current.annotations++;
        yield this.onText(current, 'response.output_text.annotation.added', { annotation_index, annotation });
      }
    }
  }

  private *close(current: Current): Generator<SseFrame> {
    const { part, output } = current;
    this.current = undefined;
    if (part.type === 'text' || part.type === 'refusal') {
      const written = writeOutputText(part, []);
      if (part.type === 'text')
        yield this.onText(current, 'response.output_text.done', { text: part.text, logprobs: [] });
      else yield this.onText(current, 'response.refusal.done', { refusal: part.text });
      yield this.onText(current, 'response.content_part.done', { part: written });
      this.message?.content.push(written);
      return;
    }
    if (part.type === 'tool_call') {
      yield this.onItem(current, 'response.function_call_arguments.done', {
        name: part.name,
        arguments: part.arguments,
      });
    } else if (part.type === 'reasoning' && current.begun) {
      yield this.onItem(current, 'response.reasoning_summary_text.done', { summary_index: 0, text: part.text });
      yield this.onItem(current, 'response.reasoning_summary_part.done', {
        summary_index: 0,
        part: { type: 'summary_text', text: part.text },
      });
    }
    const item = writeItem(part, () => current.id, output);
    if (item) yield this.frame('response.output_item.done', { output_index: output, item });
  }

  private *closeMessage(): Generator<SseFrame> {
    if (!this.message) return;
    yield this.frame('response.output_item.done', {
      output_index: this.message.output,
      item: this.messageItem('completed'),
    });
    this.message = undefined;
  }

  private messageItem(status: string): JsonObject {
    const { id, content, phase } = this.message as Message;
    return { type: 'message', id, role: 'assistant', status, content: [...content], ...(phase ? { phase } : {}) };
  }

  private onItem(current: Current, type: string, fields: JsonObject): SseFrame {
    return this.frame(type, { item_id: current.id, output_index: current.output, ...fields });
  }

  private onText(current: Current, type: string, fields: JsonObject): SseFrame {
    return this.onItem(current, type, { content_index: current.position, ...fields });
  }
}
