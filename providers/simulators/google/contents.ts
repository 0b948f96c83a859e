import type { Json, JsonObject } from '../../../src/contract/index.ts';
import { countTokens } from '../text.ts';
import { fromBase64 } from './base64.ts';
import { badField, invalid } from './errors.ts';
import { audioSeconds } from './media-length.ts';
import { wantsSignatures } from './models.ts';
import { verify } from './signature.ts';

export type Blob = { mimeType?: string; data?: string };
export type Part = {
  text?: string;
  thought?: boolean;
  thoughtSignature?: string;
  inlineData?: Blob;
  fileData?: { mimeType?: string; fileUri?: string };
  functionCall?: { id?: string; name?: string; args?: JsonObject };
  functionResponse?: { id?: string; name?: string; response?: JsonObject };
  [other: string]: unknown;
};
export type Content = { role?: string; parts?: Part[] };

export const modalities = ['TEXT', 'IMAGE', 'AUDIO', 'VIDEO', 'DOCUMENT'] as const;
export type InputModality = (typeof modalities)[number];
export type Counts = Partial<Record<InputModality, number>>;

const data = [
  'text',
  'inlineData',
  'fileData',
  'functionCall',
  'functionResponse',
  'executableCode',
  'codeExecutionResult',
  'toolCall',
  'toolResponse',
  'audioTranscription',
];

/** Refuses what the vendor refuses in a conversation. */
export function checkContents(contents: Content[] | undefined, model: string, seed: string): void {
  if (!contents?.length) throw badField('contents', '* GenerateContentRequest.contents: contents is not specified\n');
  for (const [index, content] of contents.entries()) {
    if (!['user', 'model', 'function', '', undefined].includes(content.role))
      throw invalid('Please use a valid role: user, model.');
    const where = `GenerateContentRequest.contents[${index}].parts`;
    if (!content.parts?.length) throw badField(where, `* ${where}: contents.parts must not be empty.\n`);
    for (const [number, part] of content.parts.entries()) checkPart(part, `${where}[${number}]`, seed);
  }
  checkCalls(contents);
  if (wantsSignatures(model)) checkCurrentTurn(contents);
}

function checkPart(part: Part, where: string, seed: string): void {
  const given = data.filter((name) => part[name] !== undefined);
  if (given.length === 0)
    throw badField(where, `* ${where}.data: required oneof field 'data' must have one initialized field\n`);
  if (given.length > 1) throw badField(where, `Invalid value at '${where}': oneof field 'data' is already set.`);
  const blob = part.inlineData;
  if (blob) {
    if (!blob.mimeType) throw badField(where, `* ${where}.inline_data.mime_type: mime_type must be set\n`);
    if (!blob.data || !fromBase64(blob.data))
      throw badField(where, `Invalid value at '${where}.inline_data.data' (TYPE_BYTES), Base64 decoding failed`);
    if (!/^(image|audio|video|text)\/|^application\/(pdf|json|xml|rtf)/.test(blob.mimeType))
      throw invalid(`Unsupported MIME type: ${blob.mimeType}`);
  }
  if (part.fileData && !/^(https?:\/\/|gs:\/\/|files\/)./.test(part.fileData.fileUri ?? ''))
    throw invalid(`Invalid or unsupported file uri: ${part.fileData.fileUri ?? ''}`);
  if (part.functionCall && !part.functionCall.name)
    throw badField(where, `* ${where}.function_call.name: Name cannot be empty.\n`);
  if (part.functionResponse && !part.functionResponse.name)
    throw badField(where, `* ${where}.function_response.name: Name cannot be empty.\n`);
  if (part.thoughtSignature === undefined) return;
  const kind = part.functionCall ? `call:${part.functionCall.name}` : part.inlineData ? 'image' : 'text';
  if (!verify(seed, kind, part.thoughtSignature)) throw invalid('Corrupted thought signature.');
}

const callsOf = (content: Content | undefined) => content?.parts?.flatMap((part) => part.functionCall ?? []) ?? [];
const responsesOf = (content: Content | undefined) =>
  content?.parts?.flatMap((part) => part.functionResponse ?? []) ?? [];

function checkCalls(contents: Content[]): void {
  for (const [index, content] of contents.entries()) {
    const calls = content.role === 'model' ? callsOf(content) : [];
    const responses = responsesOf(content);
    if (calls.length > 0 && (index === 0 || contents[index - 1]?.role === 'model'))
      throw invalid(
        'Please ensure that function call turn comes immediately after a user turn or after a function response turn.',
      );
    const asked = contents[index - 1]?.role === 'model' ? callsOf(contents[index - 1]) : [];
    if (responses.length !== asked.length && (responses.length > 0 || asked.length > 0))
      throw invalid(
        'Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.',
      );
    for (const response of responses) {
      if (!asked.some((call) => call.name === response.name && (!response.id || !call.id || call.id === response.id)))
        throw invalid(`Function response ${response.name} does not match a function call of the turn before.`);
    }
  }
}

/** Since the last thing the user said, the first call of every step must bring its signature back. */
function checkCurrentTurn(contents: Content[]): void {
  const said = contents.findLastIndex((content) => content.role !== 'model' && responsesOf(content).length === 0);
  for (const [index, content] of contents.entries()) {
    if (index < said || content.role !== 'model') continue;
    const position = content.parts?.findIndex((part) => part.functionCall) ?? -1;
    const first = content.parts?.[position];
    if (first && !first.thoughtSignature)
      throw invalid(
        `Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call \`default_api:${first.functionCall?.name}\`, position ${index + 1}. Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details.`,
      );
  }
}

/** Tokens of a content by modality: images 258 (560 for 3-pro-image), audio 32 and video 263 a second, a page 258. */
export function countContent(content: Content, model: string): Counts {
  const counts: Counts = {};
  for (const part of content.parts ?? []) {
    const [modality, tokens] = countPart(part, model);
    counts[modality] = (counts[modality] ?? 0) + tokens;
  }
  return counts;
}

function countPart(part: Part, model: string): [InputModality, number] {
  if (part.text !== undefined) return ['TEXT', countTokens(part.text)];
  const mimeType = part.inlineData?.mimeType ?? part.fileData?.mimeType ?? '';
  const bytes = fromBase64(part.inlineData?.data ?? '') ?? new Uint8Array();
  if (part.inlineData || part.fileData) {
    if (mimeType.startsWith('image/')) return ['IMAGE', /3-pro-image|banana-pro/.test(model) ? 560 : 258];
    if (mimeType.startsWith('audio/'))
      return ['AUDIO', Math.ceil((part.inlineData ? audioSeconds(bytes, mimeType) : 60) * 32)];
    if (mimeType.startsWith('video/'))
      return ['VIDEO', Math.max(1, Math.ceil(part.inlineData ? bytes.length / 250_000 : 60)) * 263];
    if (mimeType === 'application/pdf') return ['DOCUMENT', 258 * Math.max(1, pagesOf(bytes))];
    return ['TEXT', Math.ceil(bytes.length / 4)];
  }
  return ['TEXT', countTokens(JSON.stringify({ ...part, thoughtSignature: undefined }))];
}

const pagesOf = (bytes: Uint8Array) => new TextDecoder('latin1').decode(bytes).match(/\/Type\s*\/Page\b/g)?.length ?? 1;

export function addCounts(...all: Counts[]): Counts {
  const sum: Counts = {};
  for (const counts of all)
    for (const modality of modalities)
      if (counts[modality]) sum[modality] = (sum[modality] ?? 0) + (counts[modality] ?? 0);
  return sum;
}

export const totalOf = (counts: Counts) => modalities.reduce((sum, modality) => sum + (counts[modality] ?? 0), 0);

/** As `promptTokensDetails` and its like. */
export const detailsOf = (counts: Counts): Json[] =>
  modalities.flatMap((modality) => (counts[modality] ? [{ modality, tokenCount: counts[modality] }] : []));

/** What was written in a content, without thoughts. */
export const textOf = (content: Content | undefined) =>
  (content?.parts ?? []).flatMap((part) => (part.text !== undefined && !part.thought ? [part.text] : [])).join('\n');

/** Attached media, newest last. */
export const blobsOf = (contents: Content[], kind: string) =>
  contents
    .filter((content) => content.role !== 'model')
    .flatMap((content) => content.parts ?? [])
    .flatMap((part) => (part.inlineData?.mimeType?.startsWith(kind) ? [part.inlineData] : []));
