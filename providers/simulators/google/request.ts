import { type JsonObject, stringAt } from '../../../src/contract/index.ts';
import { stableHex } from '../simulator.ts';
import { countTokens, type Prompt } from '../text.ts';
import { addCounts, type Content, type Counts, checkContents, countContent, textOf, totalOf } from './contents.ts';
import { invalid, Refused } from './errors.ts';
import { inputLimit, type Kind, thinksByDefault, wantsSignatures } from './models.ts';

export type GenerationConfig = {
  candidateCount?: number;
  stopSequences?: string[];
  maxOutputTokens?: number;
  temperature?: number;
  topP?: number;
  responseMimeType?: string;
  responseSchema?: JsonObject;
  responseJsonSchema?: JsonObject;
  responseFormat?: { text?: { mimeType?: string; schema?: JsonObject } };
  responseModalities?: string[];
  thinkingConfig?: { includeThoughts?: boolean; thinkingBudget?: number; thinkingLevel?: string };
  speechConfig?: JsonObject;
  imageConfig?: { aspectRatio?: string; imageSize?: string };
};

type Declaration = { name?: string; parameters?: JsonObject; parametersJsonSchema?: JsonObject };

export type GenerateBody = {
  contents?: Content[];
  systemInstruction?: Content;
  tools?: { functionDeclarations?: Declaration[] }[];
  toolConfig?: { functionCallingConfig?: { mode?: string; allowedFunctionNames?: string[] } };
  generationConfig?: GenerationConfig;
  cachedContent?: string;
  serviceTier?: string;
};

const outputs: Record<Kind, string[]> = {
  text: ['TEXT'],
  transcription: ['TEXT'],
  image: ['TEXT', 'IMAGE'],
  speech: ['AUDIO'],
  music: ['AUDIO', 'TEXT'],
  embedding: [],
  video: [],
};

/** Refuses what the vendor refuses before it generates. */
export function checkRequest(body: GenerateBody, model: string, kind: Kind, seed: string): void {
  checkContents(body.contents, model, seed);
  if (body.cachedContent) throw new Refused(403, 'CachedContent not found (or permission denied)');
  const config = body.generationConfig ?? {};
  const within = (name: keyof GenerationConfig, low: number, high: number) => {
    const value = config[name];
    if (typeof value === 'number' && (value < low || value > high))
      throw invalid(`* GenerateContentRequest.generation_config.${name}: must be in the range [${low}, ${high}]\n`);
  };
  within('temperature', 0, 2);
  within('topP', 0, 1);
  within('maxOutputTokens', 1, 1_000_000);
  within('candidateCount', 1, 8);
  if ((config.stopSequences?.length ?? 0) > 5) throw invalid('The number of stop sequences must be at most 5.');
  if (config.responseSchema && config.responseJsonSchema)
    throw invalid('Only one of response_schema and response_json_schema may be set.');
  if (
    (config.responseSchema ?? config.responseJsonSchema) &&
    !/^(application\/json|text\/x\.enum)$/.test(config.responseMimeType ?? '')
  )
    throw invalid("generation_config.response_schema only allowed with response_mime_type 'application/json'.");
  if (config.responseMimeType && !/^(text\/plain|application\/json|text\/x\.enum)$/.test(config.responseMimeType))
    throw invalid(
      `* GenerateContentRequest.generation_config.response_mime_type: allowed mimetypes are \`text/plain\`, \`application/json\`, \`application/xml\`, \`application/yaml\` and \`text/x.enum\`.\n`,
    );
  checkModalities(config, kind);
  checkThinking(config, model, kind);
  checkDeclarations(body);
  if (kind === 'speech' && body.systemInstruction)
    throw invalid(`Developer instruction is not enabled for models/${model}`);
}

function checkModalities(config: GenerationConfig, kind: Kind): void {
  const asked = config.responseModalities;
  const fitting = outputs[kind];
  const main = kind === 'speech' || kind === 'music' ? 'AUDIO' : undefined;
  const wanted = asked ?? (kind === 'speech' ? ['TEXT'] : fitting);
  if (wanted.every((word) => fitting.includes(word)) && (!main || wanted.includes(main))) return;
  throw invalid(
    `The requested combination of response modalities (${wanted.join(', ')}) is not supported by the model. Supported combinations:\n* ${fitting.join(', ')}\n`,
  );
}

function checkThinking(config: GenerationConfig, model: string, kind: Kind): void {
  const thinking = config.thinkingConfig;
  if (!thinking) return;
  if (kind !== 'text' && !thinksByDefault(model)) throw invalid('Thinking is not enabled for this model.');
  if (thinking.thinkingBudget !== undefined && thinking.thinkingLevel)
    throw invalid('You can only set only one of thinking budget and thinking level.');
  if (thinking.thinkingLevel && !wantsSignatures(model))
    throw invalid('Thinking level is not supported for this model.');
  if (thinking.thinkingBudget === 0 && model.includes('-pro'))
    throw invalid('Budget 0 is invalid. This model only works in thinking mode.');
}

function checkDeclarations(body: GenerateBody): void {
  const declared = declarations(body).map((declaration) => declaration.name ?? '');
  for (const [index, name] of declared.entries()) {
    if (!/^[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}$/.test(name))
      throw invalid(
        `* GenerateContentRequest.tools[0].function_declarations[${index}].name: Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 128.\n`,
      );
    if (declared.indexOf(name) !== index) throw invalid(`Duplicate function declaration found: ${name}`);
  }
  const calling = body.toolConfig?.functionCallingConfig;
  if (calling?.mode === 'ANY' && declared.length === 0)
    throw invalid('Function calling mode is set to ANY but no function declarations are given.');
  const allowed = calling?.allowedFunctionNames;
  if (!allowed?.length) return;
  if (calling?.mode !== 'ANY' && calling?.mode !== 'VALIDATED')
    throw invalid('Allowed function names should only be set when the function calling mode is ANY or VALIDATED.');
  const unknown = allowed.find((name) => !declared.includes(name));
  if (unknown) throw invalid(`Allowed function name ${unknown} is not among the function declarations.`);
}

const declarations = (body: GenerateBody) => (body.tools ?? []).flatMap((tool) => tool.functionDeclarations ?? []);

/** The input by modality, and how much of it was found in the cache. */
export type Input = { counts: Counts; cached: Counts };

/** Prefixes of earlier requests: long ones are billed as cached when they come again, unasked (implicit caching). */
export class ImplicitCache {
  private readonly seen = new Set<string>();
  static readonly least = 1024;

  /** Counts the input; looks up all but the last content and remembers it. */
  use(model: string, body: GenerateBody): Input {
    const pieces = piecesOf(model, body);
    let key = model;
    let sum: Counts = {};
    let cached: Counts = {};
    for (const [index, piece] of pieces.entries()) {
      sum = addCounts(sum, piece.counts);
      if (index === pieces.length - 1) break;
      key = stableHex(`${key}|${piece.key}`);
      if (totalOf(sum) < ImplicitCache.least) continue;
      if (this.seen.has(key)) cached = sum;
      else this.seen.add(key);
    }
    return { counts: sum, cached };
  }

  clear(): void {
    this.seen.clear();
  }
}

/** All input tokens by modality. */
export const countInput = (model: string, body: GenerateBody) =>
  addCounts(...piecesOf(model, body).map((piece) => piece.counts));

function piecesOf(model: string, body: GenerateBody): { key: string; counts: Counts }[] {
  const tools = body.tools?.length ? countTokens(JSON.stringify(body.tools)) : 0;
  const head = addCounts(
    { TEXT: 1 + tools },
    body.systemInstruction ? countContent(body.systemInstruction, model) : {},
  );
  return [
    { key: JSON.stringify([body.tools ?? [], body.systemInstruction ?? {}]), counts: head },
    ...(body.contents ?? []).map((content) => ({ key: JSON.stringify(content), counts: countContent(content, model) })),
  ];
}

export function checkLength(model: string, kind: Kind, counts: Counts): void {
  const limit = inputLimit(kind, model);
  if (totalOf(counts) > limit)
    throw invalid(
      `The input token count (${totalOf(counts)}) exceeds the maximum number of tokens allowed (${limit}).`,
    );
}

/** The request in no vendor's words, for the simulated mind. */
export function readPrompt(body: GenerateBody, model: string, seed: string): Prompt {
  const contents = body.contents ?? [];
  const config = body.generationConfig ?? {};
  const last = contents.findLast((content) => content.role !== 'model');
  const responses = last?.parts?.flatMap((part) => part.functionResponse ?? []) ?? [];
  const calling = body.toolConfig?.functionCallingConfig;
  const allowed = calling?.allowedFunctionNames;
  const tools = declarations(body)
    .filter((declaration) => !allowed?.length || allowed.includes(declaration.name ?? ''))
    .map(({ name = '', parametersJsonSchema, parameters }) => ({
      name,
      parameters: parametersJsonSchema ?? parameters,
    }));
  const format = config.responseFormat?.text;
  const json = config.responseMimeType === 'application/json' || format?.mimeType === 'APPLICATION_JSON';
  return {
    seed,
    model,
    user: textOf(last),
    context: JSON.stringify([
      body.tools ?? [],
      body.systemInstruction ?? {},
      contents.filter((content) => content !== last),
    ]),
    tools,
    toolChoice: calling?.mode === 'NONE' ? 'none' : calling?.mode === 'ANY' ? 'required' : 'auto',
    toolResults: responses.length > 0 ? responses.map((one) => resultText(one.response)) : undefined,
    schema: json ? (config.responseJsonSchema ?? config.responseSchema ?? format?.schema) : undefined,
    jsonObject: json,
    maxTokens: config.maxOutputTokens,
    stop: config.stopSequences,
    reasons: thinks(config, model),
    attachments: contents.flatMap((one) => one.parts ?? []).filter((part) => part.inlineData ?? part.fileData).length,
  };
}

/** Whether this request makes the model think. */
export function thinks(config: GenerationConfig, model: string): boolean {
  const thinking = config.thinkingConfig;
  if (thinking?.thinkingBudget !== undefined) return thinking.thinkingBudget !== 0;
  if (thinking?.thinkingLevel) return thinking.thinkingLevel !== 'MINIMAL';
  return thinksByDefault(model);
}

function resultText(response: JsonObject | undefined): string {
  return stringAt(response, 'output') ?? stringAt(response, 'result') ?? JSON.stringify(response ?? {});
}
