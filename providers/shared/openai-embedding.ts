import {
  at,
  type Call,
  type EmbeddingRequest,
  GatewayError,
  isObject,
  type Json,
  type MediaPort,
  numberAt,
  type Operation,
  type Part,
  type Provider,
} from '../../src/contract/index.ts';
import { withOpenai } from './openai-client.ts';
import { callerParams, dropped, present } from './params.ts';

const owned = ['model', 'input', 'dimensions', 'encoding_format', 'user'];

/** Embeddings by OpenAI's endpoint, which most upstreams share. Vectors are asked for as plain numbers. */
export function embeddingPort(provider: string, readUsage: Provider['readUsage']): MediaPort<'embedding'> {
  return {
    honours: () => ['input', 'tokens', 'dimensions'],
    submit: (request, call) =>
      withOpenai(call, provider, async (client, options) => {
        const answer = await client.embeddings.create(
          present({
            ...callerParams(request.params, owned),
            ...bodyOf(request, call),
            encoding_format: 'float' as const,
          }),
          options,
        );
        return readAnswer(provider, request, call, answer as unknown as Json, readUsage);
      }),
  };
}

function bodyOf(request: EmbeddingRequest, call: Call) {
  return {
    model: call.model,
    input: request.tokens ?? request.input,
    dimensions: request.dimensions,
    user: request.user,
  };
}

function readAnswer(
  provider: string,
  request: EmbeddingRequest,
  call: Call,
  answer: Json,
  readUsage: Provider['readUsage'],
): Operation {
  const data = at(answer, 'data');
  const outputs: Part[] = [];
  for (const [place, entry] of (Array.isArray(data) ? data : []).entries()) {
    const vector = at(entry, 'embedding');
    if (Array.isArray(vector)) {
      outputs.push({ type: 'embedding', index: numberAt(entry, 'index') ?? place, vector: vector as number[] });
    }
  }
  const usage = readUsage({
    model: call.model,
    endpoint: 'embeddings',
    modality: 'embedding',
    usage: at(answer, 'usage') ?? at(answer, 'meta'),
    options: call.options,
  });
  if (outputs.length !== request.input.length) {
    const error = new GatewayError(isObject(answer) ? 'invalid_output' : 'provider_garbage', {
      message: `${provider} returned ${outputs.length} embeddings for ${request.input.length} inputs.`,
      provider,
      failure: 'C',
      billing: usage ? 'known' : 'unknown',
    });
    if (!usage) throw error;
    return { status: 'failed', error, usage };
  }
  const warnings = dropped(provider, { task: request.task, seed: request.seed });
  return {
    status: 'completed',
    outputs,
    usage: usage ?? { metered: [], source: 'body' },
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}
