import type { Content, Part as GeminiPart, GenerateContentResponse, GoogleGenAI } from '@google/genai/web';
import {
  type Call,
  GatewayError,
  isObject,
  type Json,
  type JsonObject,
  type Operation,
} from '../../src/contract/index.ts';
import { modelPath } from './google-model.ts';
import { observe } from './observe.ts';
import { callerParams } from './params.ts';
import { pricedFigures } from './priced-names.ts';
import { refusePriced } from './priced-params.ts';

const topLevel = new Set([
  'cachedContent',
  'generationConfig',
  'labels',
  'safetySettings',
  'serviceTier',
  'service_tier',
  'store',
  'systemInstruction',
  'toolConfig',
  'tools',
]);

/** The key as every call of this API carries it; a simulator wants some key where the gateway has none. */
export function keyHeader(call: Pick<Call, 'key'>): Record<string, string> {
  return { 'x-goog-api-key': call.key || 'none' };
}

/**
 * Runs one call of the official SDK (its web build on every runtime), constructed per call, without retries, and turns whatever it
 * throws into the one GatewayError of this call.
 */
export async function withGoogle(call: Call, work: (client: GoogleGenAI) => Promise<Operation>): Promise<Operation> {
  const observer = observe(call);
  try {
    const { GoogleGenAI: Client } = await import('@google/genai/web');
    const client = new Client({
      apiKey: call.key || 'none',
      httpOptions: { baseUrl: call.baseUrl, apiVersion: 'v1beta', fetch: observer.fetch as typeof fetch },
    });
    return await work(client);
  } catch (thrown) {
    throw observer.errorOf('google', thrown);
  }
}

/**
 * One generateContent call with the wire's own `generationConfig`. The caller's params are merged over it: names of the request body
 * (tools, safetySettings…) at its top, every other name into generationConfig. Automatic continuation and function calling stay off:
 * each would send further paid requests.
 */
export async function generate(
  client: GoogleGenAI,
  call: Call,
  ask: { contents: Content[]; config: JsonObject; params?: JsonObject; owned?: readonly string[] },
): Promise<GenerateContentResponse> {
  const params = callerParams(ask.params, [
    'contents',
    'model',
    'candidateCount',
    'responseModalities',
    ...(ask.owned ?? []),
  ]);
  refusePriced(params, { among: pricedFigures });
  const body: JsonObject = {};
  const config: JsonObject = { ...ask.config };
  for (const [name, value] of Object.entries(params)) {
    if (name === 'generationConfig' && isObject(value))
      Object.assign(config, callerParams(value, ['candidateCount', 'responseModalities']));
    else if (topLevel.has(name)) body[name] = value;
    else config[name] = value;
  }
  const response = await client.models.generateContent({
    model: modelPath(call.model),
    contents: ask.contents,
    config: {
      abortSignal: call.signal,
      automaticContinuation: false,
      automaticFunctionCalling: { disable: true },
      httpOptions: { extraBody: { ...body, generationConfig: config } },
    },
  });
  refuseBlocked(response);
  return response;
}

/** Parts of the first candidate that are the answer: thoughts are left out. */
export function answerParts(response: GenerateContentResponse): GeminiPart[] {
  return (response.candidates?.[0]?.content?.parts ?? []).filter((part) => part.thought !== true);
}

const filtered = /^(SAFETY|RECITATION|BLOCKLIST|PROHIBITED_CONTENT|SPII|IMAGE_.*|LANGUAGE)$/;

/** Why an answer without the wanted output has none. Billed all the same. */
export function nothingMade(response: GenerateContentResponse, wanted: string): GatewayError {
  const candidate = response.candidates?.[0];
  const reason = String(candidate?.finishReason ?? 'no reason given');
  const policy = filtered.test(reason);
  return new GatewayError(policy ? 'content_policy' : 'invalid_output', {
    message: `google returned no ${wanted} (${reason})${candidate?.finishMessage ? `: ${candidate.finishMessage}` : '.'}`,
    provider: 'google',
    failure: policy ? 'B' : 'C',
    billing: response.usageMetadata ? 'known' : 'unknown',
  });
}

/** A blocked prompt is an HTTP 200 without candidates; its prompt tokens are billed. */
export class Blocked extends GatewayError {
  readonly usage: Json;
  constructor(message: string, usage: Json) {
    super('content_policy', { message, provider: 'google', failure: 'B', billing: 'known' });
    this.usage = usage;
  }
}

function refuseBlocked(response: GenerateContentResponse): void {
  const reason = response.promptFeedback?.blockReason;
  if (!reason || response.candidates?.length) return;
  throw new Blocked(`google blocked the prompt (${reason}).`, (response.usageMetadata ?? null) as unknown as Json);
}
