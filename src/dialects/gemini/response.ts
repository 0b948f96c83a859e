import {
  at,
  type Choice,
  type FinishReason,
  GatewayError,
  isObject,
  type Json,
  type JsonObject,
  numberAt,
  type Part,
  stringAt,
  type TextAnswer,
  type TokenCounts,
} from '../../contract/index.ts';
import { blameProvider, defined, overlay, ownExtra, takeKnown, urlCitation } from '../shared.ts';
import { errorInside } from './errors.ts';
import { CallIds, dialect, readGrounding, readPart, writePart } from './parts.ts';

export const answerFields = ['responseId', 'modelVersion', 'candidates', 'usageMetadata'] as const;
export const candidateFields = ['index', 'content', 'finishReason', 'logprobsResult'] as const;

/**
 * Reads a `GenerateContentResponse`. A blocked prompt is an answer without parts that finished as `content_filter`.
 * Throws GatewayError: its own error inside a 200, else `provider_garbage`.
 */
export function readResponse(body: Json): TextAnswer {
  if (at(body, 'error')) throw errorInside(body);
  if (!Array.isArray(at(body, 'candidates')) && !at(body, 'promptFeedback', 'blockReason'))
    throw new GatewayError('provider_garbage', { message: 'The answer has no candidates.', raw: body });
  try {
    return readAnswer(body);
  } catch (thrown) {
    throw blameProvider(thrown);
  }
}

function readAnswer(body: Json): TextAnswer {
  const { known, extra } = takeKnown(isObject(body) ? body : {}, answerFields);
  const id = stringAt(known, 'responseId') || undefined;
  const ids = new CallIds(id);
  const candidates = Array.isArray(known.candidates) ? known.candidates.filter(isObject) : [];
  const params = { ...extra };
  const choices: Choice[] = [];
  candidates.forEach((candidate, position) => {
    const index = numberAt(candidate, 'index') ?? position;
    while (choices.length < index) choices.push({ parts: [], finish: 'other' });
    choices[index] = readCandidate(candidate, `candidates[${index}]`, ids);
    const rest = leftoverOf(candidate);
    if (rest) params.candidates = overlay(params.candidates ?? {}, { [index]: rest });
  });
  if (choices.length === 0) choices.push(defined<Choice>({ parts: [], ...readBlocked(body) }));
  return defined<TextAnswer>({
    id,
    model: stringAt(known, 'modelVersion') || undefined,
    choices,
    ...readUsage(known.usageMetadata),
    extra: Object.keys(params).length > 0 ? { dialect, params } : undefined,
  });
}

function readCandidate(candidate: JsonObject, path: string, ids: CallIds): Choice {
  const wire = at(candidate, 'content', 'parts');
  const parts = (Array.isArray(wire) ? wire : [])
    .filter((part) => !isEmpty(part))
    .map((part, index) => readPart(part, `${path}.content.parts[${index}]`, ids));
  const citations = readGrounding(candidate);
  const text = parts.findLast((part) => part.type === 'text');
  if (text && citations.length > 0) text.annotations = citations;
  const rawFinish = stringAt(candidate, 'finishReason');
  const finish = readFinish(
    rawFinish,
    parts.some((part) => part.type === 'tool_call'),
  );
  const logprobs = readLogprobs(candidate.logprobsResult);
  return defined<Choice>({ parts, finish, rawFinish, logprobs });
}

/** The last chunk of a stream holds an empty text: it says nothing unless it is signed. */
export function isEmpty(part: Json): boolean {
  return isObject(part) && part.text === '' && Object.keys(part).every((name) => name === 'text' || name === 'thought');
}

/** What a candidate says beside its content: ratings, grounding, citations. */
export function leftoverOf(candidate: JsonObject): JsonObject | undefined {
  const { extra } = takeKnown(candidate, candidateFields);
  const sum = numberAt(candidate, 'logprobsResult', 'logProbabilitySum');
  if (sum !== undefined) extra.logprobsResult = { logProbabilitySum: sum };
  return Object.keys(extra).length > 0 ? extra : undefined;
}

export function readBlocked(body: Json): { finish: FinishReason; rawFinish?: string } {
  const rawFinish = stringAt(body, 'promptFeedback', 'blockReason');
  return rawFinish === undefined ? { finish: 'other' } : { finish: 'content_filter', rawFinish };
}

/** Writes a `GenerateContentResponse`. Counts that are unknown are left out. */
export function writeResponse(answer: TextAnswer): JsonObject {
  const params = ownExtra(answer.extra, dialect);
  const only = answer.choices.length === 1 ? answer.choices[0] : undefined;
  const blocked = only?.parts.length === 0 && at(params, 'promptFeedback', 'blockReason') !== undefined;
  const body = defined({
    candidates: blocked ? undefined : answer.choices.map((choice, index) => writeCandidate(choice, index, params)),
    usageMetadata: writeUsage(answer.counts, answer.rawUsage),
    modelVersion: answer.model,
    responseId: answer.id,
  }) as JsonObject;
  return overlay(body, params) as JsonObject;
}

function writeCandidate(choice: Choice, index: number, params: JsonObject): JsonObject {
  const parts = choice.parts.flatMap((part, number): JsonObject[] => {
    const written = writeAnswerPart(part, `candidates[${index}].content.parts[${number}]`);
    return written ? [written] : [];
  });
  const annotations = choice.parts.flatMap((part) => (part.type === 'text' ? (part.annotations ?? []) : []));
  const known = at(params, 'candidates', String(index), 'groundingMetadata') !== undefined;
  return defined({
    content: { parts, role: 'model' },
    finishReason: writeFinish(choice.finish, choice.rawFinish),
    index,
    logprobsResult: choice.logprobs === undefined ? undefined : writeLogprobs(choice.logprobs),
    groundingMetadata: known ? undefined : writeGrounding(annotations),
  }) as JsonObject;
}

/** A part of an answer. Reasoning of another dialect is shown as a thought; its signature has no place here. */
export function writeAnswerPart(part: Part, path: string): JsonObject | undefined {
  if (part.type !== 'reasoning' || part.opaque?.owner === dialect) return writePart(part, path, []);
  return part.redacted ? undefined : { text: part.text, thought: true };
}

/** Web citations as grounding: one chunk a source, one support a place. */
export function writeGrounding(annotations: Json[]): JsonObject | undefined {
  const citations = annotations.flatMap((annotation) => urlCitation(annotation) ?? []);
  if (citations.length === 0) return undefined;
  const groundingChunks = citations.map(({ url, title }) => ({ web: { uri: url, title } }));
  const groundingSupports = citations.flatMap(({ start, end }, index) =>
    end === undefined ? [] : [{ segment: { startIndex: start ?? 0, endIndex: end }, groundingChunkIndices: [index] }],
  );
  return { groundingChunks, ...(groundingSupports.length > 0 ? { groundingSupports } : {}) };
}

const finishes: Record<string, FinishReason> = {
  STOP: 'stop',
  MAX_TOKENS: 'length',
  SAFETY: 'content_filter',
  RECITATION: 'content_filter',
  BLOCKLIST: 'content_filter',
  PROHIBITED_CONTENT: 'content_filter',
  SPII: 'content_filter',
  IMAGE_SAFETY: 'content_filter',
  IMAGE_PROHIBITED_CONTENT: 'content_filter',
  IMAGE_RECITATION: 'content_filter',
  CONTINUATION: 'pause',
  OTHER: 'other',
  LANGUAGE: 'other',
  MALFORMED_FUNCTION_CALL: 'other',
  UNEXPECTED_TOOL_CALL: 'other',
  TOO_MANY_TOOL_CALLS: 'other',
  MISSING_THOUGHT_SIGNATURE: 'other',
  MALFORMED_RESPONSE: 'other',
  NO_IMAGE: 'other',
  IMAGE_OTHER: 'other',
  ESCALATION: 'other',
  FINISH_REASON_UNSPECIFIED: 'other',
};

/** A turn that calls functions also ends with STOP. */
export function readFinish(raw: string | undefined, calls: boolean): FinishReason {
  const finish = finishes[raw ?? ''] ?? 'other';
  return finish === 'stop' && calls ? 'tool_calls' : finish;
}

/** A foreign pause is no CONTINUATION: Google's SDK would silently ask again. */
export function writeFinish(finish: FinishReason, raw?: string): string {
  if (raw !== undefined && (finishes[raw] === finish || (raw === 'STOP' && finish === 'tool_calls'))) return raw;
  if (finish === 'stop' || finish === 'tool_calls') return 'STOP';
  if (finish === 'length') return 'MAX_TOKENS';
  return finish === 'content_filter' || finish === 'refusal' ? 'SAFETY' : 'OTHER';
}

/** Counts and the raw object. Google leaves out zeros, so an absent part of a known total is computed, never taken for 0. */
export function readUsage(usage: Json | undefined): { counts?: TokenCounts; rawUsage?: Json } {
  if (!isObject(usage)) return {};
  const prompt = numberAt(usage, 'promptTokenCount');
  const input = prompt === undefined ? undefined : prompt + (numberAt(usage, 'toolUsePromptTokenCount') ?? 0);
  const answer = numberAt(usage, 'candidatesTokenCount') ?? numberAt(usage, 'responseTokenCount');
  const reasoning = numberAt(usage, 'thoughtsTokenCount');
  const total = numberAt(usage, 'totalTokenCount');
  const left = total === undefined || input === undefined ? reasoning : total - input;
  const counts = defined<TokenCounts>({
    input,
    cachedInput: numberAt(usage, 'cachedContentTokenCount'),
    output: answer === undefined ? left : answer + (reasoning ?? 0),
    reasoning,
  });
  return { rawUsage: usage, ...(Object.keys(counts).length > 0 ? { counts } : {}) };
}

/** A usage object of this dialect goes out as it came; others are told by their counts. */
export function writeUsage(counts: TokenCounts = {}, raw?: Json): JsonObject | undefined {
  if (isObject(raw) && ('promptTokenCount' in raw || 'totalTokenCount' in raw)) return raw;
  const { input, output, reasoning, cachedInput } = counts;
  const usage = defined({
    promptTokenCount: input,
    cachedContentTokenCount: cachedInput,
    candidatesTokenCount: output === undefined ? undefined : Math.max(0, output - (reasoning ?? 0)),
    thoughtsTokenCount: reasoning,
    totalTokenCount: input === undefined || output === undefined ? undefined : input + output,
  }) as JsonObject;
  return Object.keys(usage).length > 0 ? usage : undefined;
}

/** Log probabilities in the neutral shape, which is OpenAI chat's. */
export function readLogprobs(value: Json | undefined): Json | undefined {
  const chosen = at(value, 'chosenCandidates');
  if (!Array.isArray(chosen)) return undefined;
  const entry = (token: Json | undefined) =>
    defined({
      token: stringAt(token, 'token') ?? '',
      logprob: numberAt(token, 'logProbability') ?? 0,
      bytes: null,
      token_id: numberAt(token, 'tokenId'),
    }) as JsonObject;
  const content = chosen.map((token, index) => {
    const top = at(value, 'topCandidates', index, 'candidates');
    return { ...entry(token), top_logprobs: (Array.isArray(top) ? top : []).map(entry) };
  });
  return { content };
}

export function writeLogprobs(logprobs: Json): JsonObject {
  const content = at(logprobs, 'content');
  const list = Array.isArray(content) ? content : [];
  const token = (entry: Json) =>
    defined({
      token: stringAt(entry, 'token'),
      logProbability: numberAt(entry, 'logprob'),
      tokenId: numberAt(entry, 'token_id'),
    }) as JsonObject;
  return {
    chosenCandidates: list.map(token),
    topCandidates: list.map((entry) => {
      const top = at(entry, 'top_logprobs');
      return { candidates: (Array.isArray(top) ? top : []).map(token) };
    }),
  };
}
