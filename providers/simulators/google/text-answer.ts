import type { JsonObject } from '../../../src/contract/index.ts';
import { readSpokenText } from '../media/index.ts';
import { random } from '../seed.ts';
import { stableHex } from '../simulator.ts';
import { countTokens, instance, type Prompt, pieces, think } from '../text.ts';
import { fromBase64 } from './base64.ts';
import { blobsOf, type Content, textOf } from './contents.ts';
import { invalid } from './errors.ts';
import type { MadeCandidate, MadePart } from './made.ts';
import { audioSeconds } from './media-length.ts';
import { type Kind, wantsSignatures } from './models.ts';
import type { GenerateBody } from './request.ts';
import { sign } from './signature.ts';

/** What a text model answers, thoughts first; `id` makes call ids. */
export function makeText(body: GenerateBody, prompt: Prompt, kind: Kind, id: string): MadeCandidate {
  const config = body.generationConfig ?? {};
  const spoken = transcript(body.contents ?? [], kind, prompt.seed);
  const heard = spoken === undefined ? prompt : { ...prompt, user: `Say exactly: ${spoken}`, tools: [] };
  const script = think(kind === 'transcription' ? { ...heard, reasons: false } : heard);
  let room = prompt.maxTokens ?? Number.POSITIVE_INFINITY;
  let cut = script.finish === 'length';
  const parts: MadePart[] = [];
  if (script.reasoning) {
    const words = script.reasoning.slice(0, room * 4);
    const tokens = countTokens(words);
    const part = { text: words, thought: true };
    parts.push({
      part,
      modality: 'TEXT',
      tokens,
      thought: true,
      hidden: !config.thinkingConfig?.includeThoughts,
      steps: growing(words).map((step) => ({ part: { text: step.text, thought: true }, tokens: step.tokens })),
    });
    room -= tokens;
    cut ||= words.length < script.reasoning.length;
  }
  const signs = wantsSignatures(prompt.model) || (prompt.reasons ?? false);
  for (const [index, call] of script.toolCalls.entries()) {
    const tokens = 4 + countTokens(JSON.stringify(call));
    if (tokens > room) {
      cut = true;
      break;
    }
    room -= tokens;
    const functionCall = { id: stableHex(`${id}|${index}`).slice(0, 8), name: call.name, args: call.arguments };
    const signature = { thoughtSignature: sign(prompt.seed, `call:${call.name}`, id) };
    parts.push({ part: { functionCall, ...(signs && index === 0 ? signature : {}) }, modality: 'TEXT', tokens });
  }
  const chosen =
    config.responseMimeType === 'text/x.enum'
      ? String(instance(config.responseSchema ?? config.responseJsonSchema, prompt.user))
      : script.text;
  const text = chosen.slice(0, Math.max(0, room) * 4);
  if (text) {
    const signature: JsonObject = signs ? { thoughtSignature: sign(prompt.seed, 'text', id) } : {};
    const steps = growing(text).map((step) => ({ part: { text: step.text }, tokens: step.tokens }));
    parts.push({
      part: { text, ...signature },
      modality: 'TEXT',
      tokens: countTokens(text),
      steps: signs ? [...steps, { part: { text: '', ...signature }, tokens: countTokens(text) }] : steps,
    });
  }
  return { parts, finishReason: cut ? 'MAX_TOKENS' : 'STOP' };
}

/** Pieces with the running count of tokens. */
function growing(text: string): { text: string; tokens: number }[] {
  let length = 0;
  return pieces(text).map((piece) => {
    length += piece.length;
    return { text: piece, tokens: countTokens(text.slice(0, length)) };
  });
}

/** The words of attached audio, if this request is after them. */
function transcript(contents: Content[], kind: Kind, seed: string): string | undefined {
  const audio = blobsOf(contents, 'audio/').at(-1);
  const wanted = textOf(contents.findLast((content) => content.role !== 'model'));
  if (!audio) {
    const linked = contents.some((content) =>
      content.parts?.some((part) => part.fileData?.mimeType?.startsWith('audio/')),
    );
    if (kind === 'transcription' && !linked) throw invalid('Audio input is required by this model.');
    return kind === 'transcription' ? lengthSentence(60, seed) : undefined;
  }
  if (kind !== 'transcription' && !/transcri|verbatim|what is said|speech to text/i.test(wanted)) return undefined;
  const bytes = fromBase64(audio.data ?? '') ?? new Uint8Array();
  return readSpokenText(bytes) ?? lengthSentence(audioSeconds(bytes, audio.mimeType ?? ''), seed);
}

const speakers = ['A voice', 'Someone', 'A narrator', 'The speaker'];

function lengthSentence(seconds: number, seed: string): string {
  const whole = Math.round(seconds);
  return `${speakers[random(`${seed}|${whole}`).below(speakers.length)]} speaks for about ${whole} seconds.`;
}
