import type { Delta, DialectName, Event, JsonObject, Opaque, Part, TextAnswer } from '../contract/index.ts';
import { foldEvents, unfoldAnswer } from '../dialects/fold.ts';
import type { Sealed, Sealer } from './seal.ts';
import { carrierOf, type Detail, slotFor, writeDetails } from './slots.ts';

type Open = {
  kind: Sealed['kind'];
  choice?: number;
  id?: string;
  redacted?: true;
  length: number;
  start: number;
  /** Reasoning text, where the client would lose its pieces. */
  text: string;
  opaque?: Opaque;
  /** State already told, as JSON. */
  told?: string;
};

/** What one chat choice has said so far. */
type Told = { length: number; details: (Detail & { kind: Sealed['kind'] })[] };

/**
 * Seals the state of an answer for a client that speaks `door`. State that is known before its part goes where that part
 * begins; state that comes with its end goes behind it.
 */
export class EventSealer {
  readonly door: DialectName;
  private readonly sealer: Sealer;
  private readonly open = new Map<number, Open>();
  private readonly told = new Map<number, Told>();
  /** Parts of our own are numbered beyond any that a model makes. */
  private next = 1_000_000;

  constructor(door: DialectName, sealer: Sealer) {
    this.door = door;
    this.sealer = sealer;
  }

  /** The events that stand for this one; undefined where it passes as it is. Deltas without state never wait. */
  take(event: Event): Event[] | Promise<Event[]> | undefined {
    if (event.type === 'part_delta') return this.delta(event.index, event.delta);
    if (event.type === 'part_start') return this.begin(event);
    if (event.type === 'part_end') return this.end(event);
    return undefined;
  }

  private delta(index: number, delta: Delta): Event[] | Promise<Event[]> | undefined {
    const open = this.open.get(index);
    if (!open) return undefined;
    if ('text' in delta) {
      open.length += delta.text.length;
      if (open.kind === 'reasoning' && this.door === 'openai-chat') open.text += delta.text;
      return undefined;
    }
    if (!('opaque' in delta) || delta.opaque.owner === this.door) return undefined;
    if (open.told !== JSON.stringify(delta.opaque)) open.opaque = delta.opaque;
    return [];
  }

  private begin(event: Extract<Event, { type: 'part_start' }>): Event[] | Promise<Event[]> | undefined {
    const { index, part, choice } = event;
    if (part.type !== 'text' && part.type !== 'reasoning' && part.type !== 'tool_call' && part.type !== 'asset') {
      return undefined;
    }
    const open: Open = { kind: part.type, choice, length: 0, start: this.toldTo(choice).length, text: '' };
    this.open.set(index, open);
    if (part.type === 'tool_call') open.id = part.id;
    if (part.type === 'text' || part.type === 'reasoning') open.length = part.text.length;
    if (part.type === 'reasoning') {
      open.text = part.text;
      if (part.redacted) open.redacted = true;
    }
    const { opaque, ...rest } = part;
    if (!opaque || opaque.owner === this.door) return undefined;
    const shown = rest as Part & { redacted?: true };
    if (part.type === 'tool_call' || part.type === 'asset') return this.early(event, open, opaque, shown);
    // only Anthropic's own word for it must have its data from the start
    if (open.redacted && this.door === 'anthropic-messages') return this.early(event, open, opaque, shown);
    delete shown.redacted;
    open.opaque = opaque;
    return [{ ...event, part: shown }];
  }

  private async early(event: Event & { type: 'part_start' }, open: Open, opaque: Opaque, part: Part): Promise<Event[]> {
    open.told = JSON.stringify(opaque);
    const seal = await this.seal(open, opaque);
    const slot = slotFor(this.door, open.kind, seal);
    if (slot) return [{ ...event, part: { ...part, opaque: slot } as Part }];
    return [...this.carrier(open, seal), { ...event, part }];
  }

  private end(event: Extract<Event, { type: 'part_end' }>): Promise<Event[]> | undefined {
    const open = this.open.get(event.index);
    if (!open) return undefined;
    this.open.delete(event.index);
    const told = this.toldTo(open.choice);
    if (open.kind === 'text') told.length += open.length;
    if (open.opaque) return this.late(event, open, open.opaque);
    if (open.kind === 'reasoning' && open.text !== '') told.details.push({ kind: 'reasoning', text: open.text });
    return undefined;
  }

  private async late(event: Event & { type: 'part_end' }, open: Open, opaque: Opaque): Promise<Event[]> {
    const seal = await this.seal(open, opaque);
    const slot = slotFor(this.door, open.kind, seal);
    if (slot) return [{ type: 'part_delta', index: event.index, delta: { opaque: slot } }, event];
    if (this.door !== 'openai-chat') return [event, ...this.carrier(open, seal)];
    const { details } = this.toldTo(open.choice);
    details.push({ kind: open.kind, text: open.text, seal });
    // reasoning without state is repeated only beside reasoning with state
    const all = details.some((one) => one.kind === 'reasoning' && one.seal);
    const reasoning_details = writeDetails(details.filter((one) => all || one.kind === 'text'));
    const choices: JsonObject = { [open.choice ?? 0]: { message: { reasoning_details } } };
    return [{ type: 'other', dialect: this.door, data: { choices } }, event];
  }

  private seal(open: Open, opaque: Opaque): Promise<string> {
    const { kind, id, redacted, length, start } = open;
    const about: Omit<Sealed, 'opaque'> = { kind };
    if (id !== undefined) about.id = id;
    if (redacted) about.redacted = true;
    if (kind === 'text' || kind === 'reasoning') about.length = length;
    if (kind === 'text' && this.door === 'openai-chat') about.start = start;
    return this.sealer.seal({ ...about, opaque });
  }

  private carrier({ choice }: Open, seal: string): Event[] {
    const index = this.next++;
    const of = choice === undefined ? {} : { choice };
    return [
      { type: 'part_start', index, ...of, part: carrierOf(this.door, seal) },
      { type: 'part_end', index },
    ];
  }

  private toldTo(choice = 0): Told {
    let told = this.told.get(choice);
    if (!told) {
      told = { length: 0, details: [] };
      this.told.set(choice, told);
    }
    return told;
  }
}

/** A plain answer with its state sealed; the same object where it has none. */
export async function sealAnswer(answer: TextAnswer, sealing: EventSealer): Promise<TextAnswer> {
  const held = answer.choices.some(({ parts }) => parts.some((part) => 'opaque' in part && part.opaque));
  if (!held) return answer;
  const { extra, ...rest } = answer;
  const events: Event[] = [];
  for (const event of unfoldAnswer(extra?.dialect === sealing.door ? answer : rest)) {
    events.push(...((await sealing.take(event)) ?? [event]));
  }
  return foldEvents(events);
}
