import {
  type DialectName,
  GatewayError,
  isObject,
  type Json,
  type JsonObject,
  type Message,
  type Part,
  type TextPart,
  type TextRequest,
  type ToolCallPart,
} from '../contract/index.ts';
import type { Sealed, Sealer } from './seal.ts';
import { type Detail, heldBy, takeDetails } from './slots.ts';

/** A request with the state that its client brought back, and what could not be put in its place. */
export type Unsealed = { request: TextRequest; warnings: string[] };

/**
 * Gives the state in a request of `door` back to its owners, exactly as they made it. State that was never sealed stays as it is.
 * `body` is the request as it came, to name the field. Throws GatewayError `invalid_request` for a seal that is not this tenant's.
 */
export async function unsealRequest(
  request: TextRequest,
  door: DialectName,
  sealer: Sealer,
  body: JsonObject,
): Promise<Unsealed> {
  const holds = (part: Part) => heldBy(part, door) !== undefined || takeDetails(part) !== undefined;
  const holders = request.messages.filter((message) => message.role === 'assistant' && message.parts.some(holds));
  if (holders.length === 0) return { request, warnings: [] };
  const unsealing = new Unsealing(door, sealer, body);
  const messages: Message[] = [];
  for (const message of request.messages) {
    messages.push(holders.includes(message) ? { ...message, parts: await unsealing.parts(message.parts) } : message);
  }
  unsealing.attachCalls(messages);
  return { request: { ...request, messages }, warnings: unsealing.warnings };
}

class Unsealing {
  readonly warnings: string[] = [];
  private readonly door: DialectName;
  private readonly sealer: Sealer;
  private readonly body: JsonObject;
  /** State of tool calls that came beside them. */
  private readonly calls: Sealed[] = [];

  constructor(door: DialectName, sealer: Sealer, body: JsonObject) {
    this.door = door;
    this.sealer = sealer;
    this.body = body;
  }

  async parts(parts: Part[]): Promise<Part[]> {
    let restored: Part[] = [];
    const details: Detail[] = [];
    let waiting: Sealed | undefined;
    for (const part of parts) {
      const taken = takeDetails(part);
      if (taken) {
        details.push(...taken.details);
        if (taken.rest) restored.push(taken.rest);
        continue;
      }
      const held = heldBy(part, this.door);
      if (!held) {
        const asset = waiting && part.type === 'asset';
        restored.push(asset ? { ...part, opaque: waiting?.opaque } : part);
        if (asset) waiting = undefined;
        continue;
      }
      const sealed = await this.unseal(held.seal, held.raw);
      if (part.type === sealed.kind) restored.push(wholeOf(part, sealed, restored));
      else if (part.type !== 'reasoning') {
        throw misplaced(pathOf(this.body, held.raw));
      } else if (sealed.kind === 'tool_call') this.calls.push(sealed);
      else if (sealed.kind === 'asset') waiting = sealed;
      else this.attachText(restored, sealed);
    }
    if (waiting) this.lost(waiting);
    if (details.length > 0) restored = await this.withDetails(restored, details);
    return restored;
  }

  /** Tool calls are found by their ids, wherever their client put them; some dialects allow fewer characters in an id. */
  attachCalls(messages: Message[]): void {
    const clean = (id = '') => id.replace(/[^a-zA-Z0-9_-]/g, '_');
    for (const sealed of this.calls) {
      let found = false;
      for (const message of messages) {
        const place = message.parts.findIndex(
          (part) => part.type === 'tool_call' && this.free(part) && clean(part.id) === clean(sealed.id),
        );
        if (place < 0) continue;
        message.parts[place] = { ...(message.parts[place] as ToolCallPart), opaque: sealed.opaque };
        found = true;
        break;
      }
      if (!found) this.lost(sealed);
    }
  }

  /** A chat message has one string of text and one of reasoning: the details say how they were made up. */
  private async withDetails(parts: Part[], details: Detail[]): Promise<Part[]> {
    const reasoning: Part[] = [];
    const texts: Sealed[] = [];
    for (const { text = '', seal } of details) {
      const sealed = seal === undefined ? undefined : await this.unseal(seal, seal);
      if (sealed && sealed.kind !== 'reasoning') texts.push(sealed);
      else if (sealed) reasoning.push(wholeOf({ type: 'reasoning', text }, sealed, []));
      else reasoning.push({ type: 'reasoning', text });
    }
    const rest = reasoning.length > 0 ? parts.filter((part) => part.type !== 'reasoning') : parts;
    const restored = [...reasoning, ...rest];
    const only = restored.filter((part) => part.type === 'text');
    const whole = only.length === 1 ? only[0] : undefined;
    const pieces = whole && cut(whole, texts);
    if (whole && pieces) restored.splice(restored.indexOf(whole), 1, ...pieces);
    else for (const sealed of texts) this.attachText(restored, sealed);
    return restored;
  }

  /** State of a text goes to the last text said, or where there was none, to an empty one. */
  private attachText(parts: Part[], sealed: Sealed): void {
    const place = parts.findLastIndex((part) => part.type === 'text');
    const last = parts[place];
    if (last?.type === 'text' && this.free(last)) parts[place] = { ...last, opaque: sealed.opaque };
    else if (sealed.length === 0) parts.push({ type: 'text', text: '', opaque: sealed.opaque });
    else this.lost(sealed);
  }

  /** Fields that a client or its SDK added are no state. */
  private free(part: TextPart | ToolCallPart): boolean {
    return part.opaque === undefined || part.opaque.owner === this.door;
  }

  private unseal(seal: string, raw: string): Promise<Sealed> {
    return this.sealer.unseal(seal, () => pathOf(this.body, raw));
  }

  private lost({ opaque, kind }: Sealed): void {
    const sentence = `State of ${opaque.owner} came back without the ${kind} it belongs to and was left out.`;
    if (!this.warnings.includes(sentence)) this.warnings.push(sentence);
  }
}

/** The part as its owner made it. Text that came back in pieces, the state on the last, is made whole from those before. */
function wholeOf(part: Part, { opaque, redacted, length = 0 }: Sealed, before: Part[]): Part {
  let whole = { ...part, opaque } as Part & { redacted?: boolean };
  if (whole.type === 'reasoning') {
    if (redacted) return { ...whole, redacted };
    delete whole.redacted;
  }
  for (let last = before.at(-1); whole.type === 'text' || whole.type === 'reasoning'; last = before.at(-1)) {
    const piece = last?.type === whole.type && !last.opaque && last.text.length + whole.text.length <= length;
    if (!piece || last?.type !== whole.type) break;
    before.pop();
    whole = { ...whole, text: last.text + whole.text };
  }
  return whole;
}

/** One text as the several that it was made of; undefined where the places do not fit. */
function cut(whole: TextPart, texts: Sealed[]): TextPart[] | undefined {
  const pieces: TextPart[] = [];
  let end = 0;
  for (const { opaque, start = 0, length = 0 } of texts) {
    if (start < end || start + length > whole.text.length) return undefined;
    if (start > end) pieces.push({ type: 'text', text: whole.text.slice(end, start) });
    end = start + length;
    const piece: TextPart = { type: 'text', text: whole.text.slice(start, end), opaque };
    pieces.push(length === whole.text.length ? { ...whole, ...piece } : piece);
  }
  if (end < whole.text.length) pieces.push({ type: 'text', text: whole.text.slice(end) });
  return pieces;
}

function misplaced(param: string): GatewayError {
  return new GatewayError('invalid_request', { message: `"${param}" holds the state of another part.`, param });
}

/** Where a text stands in the request, e.g. `messages[1].content[0].signature`. */
function pathOf(value: Json, text: string, path = ''): string {
  const inside: [string, Json][] = Array.isArray(value)
    ? value.map((item, index): [string, Json] => [`${path}[${index}]`, item])
    : isObject(value)
      ? Object.entries(value).map(([name, item]): [string, Json] => [path ? `${path}.${name}` : name, item])
      : [];
  for (const [place, item] of inside) {
    if (item === text) return place;
    const found = typeof item === 'object' && item !== null ? pathOf(item, text, place) : '';
    if (found) return found;
  }
  return '';
}
