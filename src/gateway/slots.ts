import {
  at,
  type DialectName,
  encodeBase64,
  isObject,
  type Json,
  type JsonObject,
  type Opaque,
  type Part,
  stringAt,
} from '../contract/index.ts';
import { decodeBase64 } from '../dialects/shared.ts';
import { looksSealed, type Sealed } from './seal.ts';

/** A seal as it stands on the wire, and itself. */
export type Held = { raw: string; seal: string };

/**
 * The state that puts a seal on a part of this kind, for clients of `door`; undefined where such a part has no place for one
 * that official SDKs bring back. OpenAI chat carries it as Google's compatible endpoint does, in `extra_content`.
 */
export function slotFor(door: DialectName, kind: Sealed['kind'], seal: string): Opaque | undefined {
  const slot = (data: Json): Opaque => ({ owner: door, data });
  // a byte field: some SDKs decode it
  if (door === 'gemini') return slot(encodeBase64(new TextEncoder().encode(seal)));
  if (door === 'openai-chat') {
    return kind === 'tool_call' || kind === 'asset' ? slot({ extra_content: { atelier: { seal } } }) : undefined;
  }
  if (kind !== 'reasoning') return undefined;
  return slot(door === 'anthropic-messages' ? seal : { encrypted_content: seal });
}

/** A part of its own that carries the seal of a neighbour: clients of reasoning models bring such parts back untouched. */
export function carrierOf(door: DialectName, seal: string): Part {
  if (door === 'anthropic-messages') {
    return { type: 'reasoning', text: '', redacted: true, opaque: { owner: door, data: seal } };
  }
  return { type: 'reasoning', text: '', opaque: { owner: door, data: { encrypted_content: seal } } };
}

/** The seal that a part brought back, if any. What stands in a slot that is ours alone counts as one, whatever it holds. */
export function heldBy(part: Part, door: DialectName): Held | undefined {
  if (!('opaque' in part) || part.opaque?.owner !== door) return undefined;
  const { data } = part.opaque;
  if (door === 'openai-chat') {
    const seal = at(data, 'extra_content', 'atelier', 'seal');
    return seal === undefined ? undefined : { raw: String(seal), seal: String(seal) };
  }
  if (door === 'gemini') {
    const raw = typeof data === 'string' ? data : stringAt(data, 'thoughtSignature');
    if (!raw?.startsWith('YXRsMS')) return undefined;
    const seal = new TextDecoder().decode(decodeBase64(raw) ?? new Uint8Array());
    return { raw, seal };
  }
  const raw = door === 'anthropic-messages' ? data : at(data, 'encrypted_content');
  return looksSealed(raw) ? { raw, seal: raw } : undefined;
}

/** One entry of `reasoning_details`: reasoning with or without state, or (as a seal alone) the state of a text. */
export type Detail = { text?: string; seal?: string };

const format = 'atelier';

/** Entries of a chat message's `reasoning_details`, in the shape that OpenRouter gave this field. */
export function writeDetails(details: Detail[]): Json[] {
  return details.map(({ text, seal }, index): JsonObject => {
    if (text) return { type: 'reasoning.text', text, signature: seal ?? null, id: null, format, index };
    return { type: 'reasoning.encrypted', data: seal ?? '', id: null, format, index };
  });
}

/**
 * Takes our entries out of a chat message's unknown fields; undefined where there are none. An entry that came twice (streams repeat
 * the list, and some clients add each list to the last) counts once. `rest` is the part without them, if anything is left of it.
 */
export function takeDetails(part: Part): { details: Detail[]; rest: Part | undefined } | undefined {
  if (part.type !== 'other' || part.dialect !== 'openai-chat') return undefined;
  const fields = at(part.data, 'message');
  const list = at(fields, 'reasoning_details');
  if (!isObject(fields) || !Array.isArray(list)) return undefined;
  const own = list.filter((entry) => at(entry, 'format') === format);
  if (own.length === 0) return undefined;
  const byIndex = new Map<Json | undefined, Detail>();
  for (const entry of own) {
    const text = stringAt(entry, 'text');
    const seal = stringAt(entry, text === undefined ? 'data' : 'signature');
    byIndex.set(at(entry, 'index'), {
      ...(text === undefined ? {} : { text }),
      ...(seal === undefined ? {} : { seal }),
    });
  }
  const { reasoning_details, ...others } = fields;
  const foreign = list.filter((entry) => !own.includes(entry));
  const kept = foreign.length > 0 ? { ...others, reasoning_details: foreign } : others;
  const rest: Part | undefined =
    Object.keys(kept).length > 0 ? { ...part, data: { ...(part.data as JsonObject), message: kept } } : undefined;
  return { details: [...byIndex.values()], rest };
}
