import type { JsonObject } from '../../../src/contract/index.ts';
import { Refused } from './errors.ts';

export type Kind = 'text' | 'image' | 'speech' | 'transcription' | 'music' | 'embedding' | 'video';

/** Ids served by name; any other of a known family is served too. */
const listed = [
  'gemini-4-argon',
  'gemini-3.8-flash',
  'gemini-3.6-flash',
  'gemini-3.5-flash',
  'gemini-3.5-flash-lite',
  'gemini-3.1-pro-preview',
  'gemini-2.5-pro',
  'gemini-2.5-flash',
  'gemini-2.5-flash-lite',
  'gemini-3-pro-image',
  'gemini-3.1-flash-image',
  'gemini-nano-banana-2.1',
  'gemini-2.5-flash-image',
  'gemini-3.8-flash-tts',
  'gemini-3.1-flash-tts-preview',
  'gemini-2.5-flash-preview-tts',
  'gemini-3.5-transcribe',
  'lyria-3.5',
  'lyria-3-clip-preview',
  'gemini-omni-1.2-flash',
  'gemini-omni-1.1-flash',
  'gemini-embedding-001',
  'gemini-embedding-2',
];

/** What a model makes; undefined for one the vendor does not have. */
export function kindOf(id: string): Kind | undefined {
  if (!/^(gemini|lyria|gemma|text-embedding|embedding|nano-banana)-./.test(id)) return undefined;
  if (id.includes('embedding')) return 'embedding';
  if (id.startsWith('lyria')) return 'music';
  if (id.startsWith('gemini-omni-')) return 'video';
  if (/-image(?![a-z])|nano-banana/.test(id)) return 'image';
  if (/-tts(?![a-z])/.test(id)) return 'speech';
  if (id.includes('transcribe')) return 'transcription';
  return 'text';
}

/** 2.5, 3.1, …; 0 where the id has none. */
export const generationOf = (id: string) => Number(/(?:gemini|banana)-(\d+(?:\.\d+)?)/.exec(id)?.[1] ?? 0);

/** Models that think unless told not to. */
export const thinksByDefault = (id: string) => {
  const kind = kindOf(id);
  if (kind === 'image')
    return generationOf(id) >= 3 || id.startsWith('nano-banana-pro') || id.includes('nano-banana-2');
  return kind === 'text' && generationOf(id) >= 2.5 && !id.includes('lite');
};

/** Models that want their thought signatures back with every function call. */
export const wantsSignatures = (id: string) => generationOf(id) >= 3 || id.endsWith('-latest');

const inputLimits: Record<Kind, number> = {
  text: 1_048_576,
  image: 65_536,
  speech: 8_192,
  transcription: 131_072,
  music: 131_072,
  video: 131_072,
  embedding: 2_048,
};

export const inputLimit = (kind: Kind, id: string) => (id.includes('embedding-2') ? 8_192 : inputLimits[kind]);

/** The kind of a model that can do `method`, else the vendor's 404. */
export function requireModel(id: string, method: string, version: string): Kind {
  const kind = kindOf(id);
  if (!kind || !methodsOf(kind).includes(method))
    throw new Refused(
      404,
      `models/${id} is not found for API version ${version}, or is not supported for ${method}. Call ListModels to see the list of available models and their supported methods.`,
    );
  return kind;
}

function methodsOf(kind: Kind): string[] {
  if (kind === 'video') return ['createInteraction'];
  return kind === 'embedding'
    ? ['embedContent', 'batchEmbedContents', 'countTextTokens', 'countTokens']
    : ['generateContent', 'streamGenerateContent', 'countTokens'];
}

/** One row of GET models. */
export function modelInfo(id: string): JsonObject {
  const kind = kindOf(id);
  if (!kind) throw new Refused(404, `models/${id} is not found.`);
  const methods = methodsOf(kind).filter((method) => method !== 'streamGenerateContent');
  return {
    name: `models/${id}`,
    version: '001',
    displayName: id
      .split('-')
      .map((word) => `${word[0]?.toUpperCase() ?? ''}${word.slice(1)}`)
      .join(' '),
    description: `Simulated ${kind} model.`,
    inputTokenLimit: inputLimit(kind, id),
    outputTokenLimit: kind === 'embedding' ? 1 : kind === 'image' ? 32_768 : 65_536,
    supportedGenerationMethods: methods,
    ...(kind === 'embedding' ? {} : { temperature: 1, topP: 0.95, topK: 64, maxTemperature: 2 }),
    ...(thinksByDefault(id) ? { thinking: true } : {}),
  };
}

/** GET models with the vendor's page tokens. */
export function listModels(query: URLSearchParams): JsonObject {
  const size = Math.min(1000, Number(query.get('pageSize') ?? 50) || 50);
  const token = query.get('pageToken');
  const start = token ? Number(token) : 0;
  if (!Number.isInteger(start) || start < 0 || start > listed.length || size < 1)
    throw new Refused(400, 'Invalid page token or size.');
  const next = start + size;
  return {
    models: listed.slice(start, next).map(modelInfo),
    ...(next < listed.length ? { nextPageToken: String(next) } : {}),
  };
}
