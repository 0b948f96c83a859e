import { isObject, type Json, type JsonObject } from '../../../src/contract/index.ts';
import { badField } from './errors.ts';

/**
 * The request messages by field: a scalar, `json` (anything), a message's name or `enum A B`; `[]` repeats, `{}` maps names to.
 * From the v1beta discovery document, https://generativelanguage.googleapis.com/$discovery/rest?version=v1beta.
 */
const messages: Record<string, Record<string, string>> = {
  GenerateContentRequest: {
    model: 'string',
    contents: 'Content[]',
    systemInstruction: 'Content',
    tools: 'Tool[]',
    toolConfig: 'ToolConfig',
    safetySettings: 'SafetySetting[]',
    generationConfig: 'GenerationConfig',
    cachedContent: 'string',
    continuationToken: 'string',
    store: 'bool',
    serviceTier: 'enum unspecified standard flex priority',
  },
  Content: { role: 'string', parts: 'Part[]' },
  Part: {
    text: 'string',
    thought: 'bool',
    thoughtSignature: 'string',
    inlineData: 'Blob',
    fileData: 'FileData',
    functionCall: 'FunctionCall',
    functionResponse: 'FunctionResponse',
    executableCode: 'json',
    codeExecutionResult: 'json',
    toolCall: 'json',
    toolResponse: 'json',
    audioTranscription: 'json',
    speechMetadata: 'json',
    videoMetadata: 'VideoMetadata',
    mediaProcessing: 'enum MEDIA_PROCESSING_UNSPECIFIED STATIC AGENTIC',
    mediaResolution: 'MediaResolution',
    partMetadata: 'json',
  },
  Blob: { mimeType: 'string', data: 'string' },
  FileData: { mimeType: 'string', fileUri: 'string' },
  VideoMetadata: { startOffset: 'string', endOffset: 'string', fps: 'number' },
  MediaResolution: { level: 'string' },
  FunctionCall: { id: 'string', name: 'string', args: 'object' },
  FunctionResponse: {
    id: 'string',
    name: 'string',
    response: 'object',
    parts: 'FunctionResponsePart[]',
    scheduling: 'enum SCHEDULING_UNSPECIFIED SILENT WHEN_IDLE INTERRUPT',
    willContinue: 'bool',
  },
  FunctionResponsePart: { inlineData: 'Blob' },
  Tool: {
    functionDeclarations: 'FunctionDeclaration[]',
    codeExecution: 'json',
    computerUse: 'json',
    fileSearch: 'json',
    googleMaps: 'json',
    googleSearch: 'json',
    googleSearchRetrieval: 'json',
    mcpServers: 'json[]',
    urlContext: 'json',
  },
  FunctionDeclaration: {
    name: 'string',
    description: 'string',
    behavior: 'enum UNSPECIFIED BLOCKING NON_BLOCKING',
    parameters: 'Schema',
    parametersJsonSchema: 'json',
    response: 'Schema',
    responseJsonSchema: 'json',
  },
  Schema: {
    type: 'enum TYPE_UNSPECIFIED STRING NUMBER INTEGER BOOLEAN ARRAY OBJECT NULL',
    format: 'string',
    title: 'string',
    description: 'string',
    nullable: 'bool',
    enum: 'string[]',
    items: 'Schema',
    properties: 'Schema{}',
    required: 'string[]',
    propertyOrdering: 'string[]',
    anyOf: 'Schema[]',
    minimum: 'number',
    maximum: 'number',
    minLength: 'int',
    maxLength: 'int',
    minItems: 'int',
    maxItems: 'int',
    minProperties: 'int',
    maxProperties: 'int',
    pattern: 'string',
    default: 'json',
    example: 'json',
  },
  ToolConfig: {
    functionCallingConfig: 'FunctionCallingConfig',
    retrievalConfig: 'json',
    includeServerSideToolInvocations: 'bool',
  },
  FunctionCallingConfig: {
    mode: 'enum MODE_UNSPECIFIED AUTO ANY NONE VALIDATED',
    allowedFunctionNames: 'string[]',
  },
  SafetySetting: { category: 'string', threshold: 'string' },
  GenerationConfig: {
    candidateCount: 'int',
    stopSequences: 'string[]',
    maxOutputTokens: 'int',
    temperature: 'number',
    topP: 'number',
    topK: 'int',
    seed: 'int',
    presencePenalty: 'number',
    frequencyPenalty: 'number',
    responseLogprobs: 'bool',
    logprobs: 'int',
    responseMimeType: 'string',
    responseSchema: 'Schema',
    responseJsonSchema: 'json',
    responseFormat: 'ResponseFormat',
    responseModalities: 'enum MODALITY_UNSPECIFIED TEXT IMAGE AUDIO VIDEO[]',
    mediaResolution: 'string',
    thinkingConfig: 'ThinkingConfig',
    speechConfig: 'SpeechConfig',
    imageConfig: 'ImageConfig',
    audioTranscriptionConfig: 'AudioTranscriptionConfig',
    translationConfig: 'json',
    enableAffectiveDialog: 'bool',
    enableEnhancedCivicAnswers: 'bool',
  },
  ResponseFormat: { text: 'TextFormat', image: 'json', audio: 'json' },
  TextFormat: { mimeType: 'enum MIME_TYPE_UNSPECIFIED APPLICATION_JSON TEXT_PLAIN', schema: 'json' },
  ThinkingConfig: {
    includeThoughts: 'bool',
    thinkingBudget: 'int',
    thinkingLevel: 'enum THINKING_LEVEL_UNSPECIFIED MINIMAL LOW MEDIUM HIGH',
  },
  SpeechConfig: {
    languageCode: 'string',
    voiceConfig: 'VoiceConfig',
    multiSpeakerVoiceConfig: 'MultiSpeakerVoiceConfig',
  },
  VoiceConfig: { prebuiltVoiceConfig: 'PrebuiltVoiceConfig' },
  PrebuiltVoiceConfig: { voiceName: 'string' },
  MultiSpeakerVoiceConfig: { speakerVoiceConfigs: 'SpeakerVoiceConfig[]' },
  SpeakerVoiceConfig: { speaker: 'string', voiceConfig: 'VoiceConfig' },
  ImageConfig: { aspectRatio: 'string', imageSize: 'string' },
  AudioTranscriptionConfig: {
    languageCodes: 'string[]',
    languageAuto: 'json',
    languageHints: 'json',
    customVocabulary: 'string[]',
    adaptationPhrases: 'string[]',
    wordTimestamp: 'bool',
    diarization: 'bool',
    mode: 'enum MODE_UNSPECIFIED VERBATIM SMART',
  },
  CountTokensRequest: { contents: 'Content[]', generateContentRequest: 'GenerateContentRequest' },
  EmbedContentRequest: {
    model: 'string',
    content: 'Content',
    taskType: 'string',
    title: 'string',
    outputDimensionality: 'int',
    embedContentConfig: 'EmbedContentConfig',
  },
  EmbedContentConfig: {
    taskType: 'string',
    title: 'string',
    outputDimensionality: 'int',
    autoTruncate: 'bool',
    documentOcr: 'bool',
    audioTrackExtraction: 'bool',
  },
  BatchEmbedContentsRequest: { requests: 'EmbedContentRequest[]' },
};

/**
 * A request in the vendor's canonical spelling: camelCase names, one value where a list is meant becomes a list, number text a number.
 * Unknown names and wrong types are refused in the vendor's words; top-level names starting with `x_` are left out.
 */
export function readMessage(name: string, body: JsonObject): JsonObject {
  const known = Object.fromEntries(Object.entries(body).filter(([field]) => !field.startsWith('x_')));
  return readFields(name, known, '');
}

/** The fields a caller made up on purpose (`x_…`): echoed in the answer. */
export function echoes(body: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([field]) => field.startsWith('x_')));
}

function readFields(name: string, value: Json, path: string): JsonObject {
  if (!isObject(value)) throw wrongValue(path, value);
  const fields = messages[name] ?? {};
  const result: JsonObject = {};
  for (const [field, child] of Object.entries(value)) {
    const proper = field.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    const type = fields[proper];
    if (!type) {
      const where = path ? ` at '${path}'` : '';
      throw badField(path, `Invalid JSON payload received. Unknown name "${field}"${where}: Cannot find field.`);
    }
    if (child !== null) result[proper] = readValue(type, child, path ? `${path}.${snake(proper)}` : snake(proper));
  }
  return result;
}

function readValue(type: string, value: Json, path: string): Json {
  if (type.endsWith('[]')) {
    const one = type.slice(0, -2);
    const list = Array.isArray(value) ? value : [value];
    return list.map((item, index) => readValue(one, item, `${path}[${index}]`));
  }
  if (type.endsWith('{}')) {
    if (!isObject(value)) throw wrongValue(path, value);
    const entries = Object.entries(value).map(([key, child]) => [
      key,
      readValue(type.slice(0, -2), child, `${path}[${path.split('.').length}].value`),
    ]);
    return Object.fromEntries(entries) as JsonObject;
  }
  if (type.startsWith('enum ')) {
    const allowed = type.slice(5).split(' ');
    const found = allowed.find((word) => word.toLowerCase() === String(value).toLowerCase());
    if (!found) throw wrongValue(path, value);
    return found;
  }
  switch (type) {
    case 'json':
      return value;
    case 'object':
      if (!isObject(value)) throw wrongValue(path, value);
      return value;
    case 'string':
    case 'bool':
      if (typeof value !== (type === 'bool' ? 'boolean' : 'string')) throw wrongValue(path, value);
      return value;
    case 'int':
    case 'number': {
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
      if (typeof number !== 'number' || !Number.isFinite(number)) throw wrongValue(path, value);
      if (type === 'int' && !Number.isInteger(number)) throw wrongValue(path, value);
      return number;
    }
    default:
      return readFields(type, value, path);
  }
}

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function wrongValue(path: string, value: Json): Error {
  const shown = JSON.stringify(value) ?? 'null';
  return badField(
    path,
    `Invalid value at '${path || 'body'}', ${shown.length > 200 ? `${shown.slice(0, 200)}…` : shown}`,
  );
}
