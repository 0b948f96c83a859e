import { type Event, GatewayError, type Part, type TextRequest } from '../contract/index.ts';
import { estimateTokens } from './estimate.ts';

/** Characters that are held back after a seam until it is clear how the new text joins the old. */
const held = 48;
/** So many equal characters at its beginning show that a model has begun anew instead of going on. */
const telling = 64;
/** Characters at the end of the old text that the new one may repeat: at least, at most. */
const leastOverlap = 6;
const mostOverlap = 400;

const goOn =
  'Your answer above was cut off by a technical fault. Go on exactly where it stops, in the middle of a word if need be. Repeat nothing, add no remark, no heading and no quotation mark.';

/**
 * Joins the stream of one model to what another had said when its stream broke off. The new model is shown the question, the text so
 * far as an answer of the assistant, and a user's turn that asks to go on: every provider takes that, where an answer to be prefilled
 * is refused by many. What comes is joined so that nothing stands twice: where the model begins anew and says the same, the same is
 * skipped; where it repeats the last words, they are; where it begins anew and says something else, no whole answer can be made of the
 * two and the stream ends in an error.
 */
export class Seam {
  /** All text that has been passed on. */
  text = '';
  private next = 0;
  private readonly open = new Map<number, Part['type']>();
  private fixed = false;
  private resumed = false;
  private places = new Map<number, number | undefined>();
  /** Undefined once the new text is joined. */
  private joint: { place: number; sent: string; buffer: string } | undefined;
  private waiting: Event[] = [];

  /** Whether what was passed on can be gone on with: text of one answer and thoughts, nothing that a model has decided. */
  get mayResume(): boolean {
    return !this.fixed;
  }

  /** What passes on of an event. Throws stream_interrupted where the new text does not fit the old one. */
  pass(event: Event): Event[] {
    if (!this.resumed) return this.watched(event);
    switch (event.type) {
      case 'start':
        return this.flushed();
      case 'part_start':
        return [...this.flushed(), ...this.begin(event.index, event.part)];
      case 'part_delta': {
        const place = this.places.get(event.index);
        if (place === undefined) return this.flushed();
        if (this.joint?.place === place && 'text' in event.delta) return this.join(event.delta.text);
        return [...this.flushed(), ...this.watched({ ...event, index: place })];
      }
      case 'part_end': {
        const place = this.places.get(event.index);
        if (place === undefined) return this.flushed();
        return [...this.flushed(), ...this.settled(place), ...this.watched({ type: 'part_end', index: place })];
      }
      case 'finish':
        return [...this.flushed(), ...this.ended(), event];
      default:
        return [...this.flushed(), event];
    }
  }

  /** The next stream begins. Thoughts that were under way end here. */
  resume(): void {
    this.resumed = true;
    this.places = new Map();
    this.joint = undefined;
    for (const [index, type] of this.open) {
      if (type === 'text') continue;
      this.open.delete(index);
      this.waiting.push({ type: 'part_end', index });
    }
  }

  /** The question to the next model. */
  continued(request: TextRequest): TextRequest {
    if (this.text === '') return request;
    const { maxOutputTokens } = request;
    const left = maxOutputTokens === undefined ? undefined : maxOutputTokens - estimateTokens(this.text.length);
    return {
      ...request,
      messages: [
        ...request.messages,
        { role: 'assistant', parts: [{ type: 'text', text: this.text.trimEnd() }] },
        { role: 'user', parts: [{ type: 'text', text: goOn }] },
      ],
      ...(left === undefined ? {} : { maxOutputTokens: Math.max(16, left) }),
    };
  }

  private flushed(): Event[] {
    const { waiting } = this;
    this.waiting = [];
    return waiting;
  }

  private watched(event: Event): Event[] {
    if ('choice' in event && (event.choice ?? 0) > 0) this.fixed = true;
    if (event.type === 'part_start') {
      const { part, index } = event;
      this.next = Math.max(this.next, index + 1);
      this.open.set(index, part.type);
      if (part.type === 'text') this.text += part.text;
      else if (part.type !== 'reasoning') this.fixed = true;
    } else if (event.type === 'part_delta') {
      if ('text' in event.delta && this.open.get(event.index) === 'text') this.text += event.delta.text;
    } else if (event.type === 'part_end') this.open.delete(event.index);
    return [event];
  }

  private begin(index: number, part: Part): Event[] {
    if (part.type === 'reasoning' && this.text !== '') {
      this.places.set(index, undefined);
      return [];
    }
    if (part.type !== 'text') {
      const place = this.next;
      this.places.set(index, place);
      return [...this.ended(), ...this.watched({ type: 'part_start', index: place, part })];
    }
    const [before] = [...this.open].find(([, type]) => type === 'text') ?? [];
    const place = before ?? this.next;
    this.places.set(index, place);
    if (this.text !== '' && !this.joint) this.joint = { place, sent: this.text, buffer: '' };
    const opening: Event[] =
      before === undefined ? this.watched({ type: 'part_start', index: place, part: { ...part, text: '' } }) : [];
    if (part.text === '') return opening;
    const delta: Event = { type: 'part_delta', index: place, delta: { text: part.text } };
    return [...opening, ...(this.joint?.place === place ? this.join(part.text) : this.watched(delta))];
  }

  private join(text: string): Event[] {
    const joint = this.joint!;
    joint.buffer += text;
    const { sent, buffer } = joint;
    if (sent.startsWith(buffer)) return this.flushed();
    if (buffer.length < held && !buffer.startsWith(sent)) return this.flushed();
    return [...this.flushed(), ...this.settled(joint.place)];
  }

  /** Passes on what was held back of the text at a place. */
  private settled(place: number): Event[] {
    const { joint } = this;
    if (joint?.place !== place) return [];
    this.joint = undefined;
    const text = fitted(joint.sent, joint.buffer);
    return text === '' ? [] : this.watched({ type: 'part_delta', index: place, delta: { text } });
  }

  /** Text that is open ends before something else begins. */
  private ended(): Event[] {
    const events: Event[] = [];
    for (const [index, type] of this.open) {
      if (type !== 'text') continue;
      events.push(...this.settled(index), ...this.watched({ type: 'part_end', index }));
    }
    return events;
  }
}

/** What a new text adds to an old one. */
function fitted(sent: string, text: string): string {
  if (text.startsWith(sent)) return text.slice(sent.length);
  if (sent.startsWith(text) && text.length >= leastOverlap) return '';
  let same = 0;
  while (same < text.length && text[same] === sent[same]) same++;
  if (same >= telling) {
    throw new GatewayError('stream_interrupted', {
      message: 'The stream broke off, and the model that went on gave another answer.',
      failure: 'D',
      billing: 'unknown',
    });
  }
  const end = sent.trimEnd();
  const start = text.trimStart();
  for (let length = Math.min(mostOverlap, end.length, start.length); length >= leastOverlap; length--) {
    if (end.endsWith(start.slice(0, length))) return start.slice(length);
  }
  return text;
}
