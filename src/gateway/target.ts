import {
  at,
  type Dialect,
  type DialectName,
  GatewayError,
  isObject,
  type JsonObject,
  type Model,
  type TextRequest,
  type Written,
} from '../contract/index.ts';
import type { Upstream } from '../runtime/ports.ts';
import type { Gateway } from './gateway.ts';

/** Dialects whose reasoning can be brought back in a later turn. */
const keepsReasoning: readonly DialectName[] = ['openai-responses', 'anthropic-messages', 'gemini'];

/** The dialect we speak to a provider when the caller's is not one of its own: the first that it declares. */
export function dialectOf(gateway: Gateway, model: Model, upstream: Upstream): Dialect {
  const [first] = spokenBy(gateway, upstream);
  if (first) return first;
  throw new GatewayError('modality_mismatch', { message: `${model.provider} has no text models.`, param: 'model' });
}

/**
 * Writes a request for its provider: in `door` where the provider speaks that, else in the first dialect it declares. A request that
 * reasons goes in one that keeps reasoning, unless more of the request would be left out there. Throws what the codec throws.
 */
export function writeFor(
  gateway: Gateway,
  model: Model,
  upstream: Upstream,
  request: TextRequest,
  door: DialectName,
): { target: Dialect; written: Written } {
  const spoken = spokenBy(gateway, upstream);
  const usual = spoken.find(({ name }) => name === door) ?? dialectOf(gateway, model, upstream);
  const keeping = keepsReasoning.includes(usual.name) || usual.name === door ? undefined : spoken.find(keeps);
  const wish = keeping && reasons(request, model) ? written(keeping, request) : undefined;
  if (!keeping || !wish) return { target: usual, written: usual.writeRequest(request) };
  const other = written(usual, request);
  if (other && other.warnings.length < wish.warnings.length) return { target: usual, written: other };
  return { target: keeping, written: wish };
}

const keeps = ({ name }: Dialect) => keepsReasoning.includes(name);

function spokenBy(gateway: Gateway, upstream: Upstream): Dialect[] {
  const names = Object.keys(upstream.provider.text ?? {}) as DialectName[];
  return names.flatMap((name) => gateway.dialects[name] ?? []);
}

/** Undefined where the dialect has no place for what is asked. */
function written(dialect: Dialect, request: TextRequest): Written | undefined {
  try {
    return dialect.writeRequest(request);
  } catch (thrown) {
    if (thrown instanceof GatewayError) return undefined;
    throw thrown;
  }
}

function reasons({ reasoning, messages }: TextRequest, model: Model): boolean {
  if (reasoning?.effort === 'none') return false;
  if (reasoning || model.capabilities?.reasoning === true) return true;
  return messages.some(({ parts }) => parts.some((part) => part.type === 'reasoning' && part.opaque !== undefined));
}

/**
 * What a crossed body must say beside the request. An OpenAI chat stream is told to report usage. Responses are kept by the gateway
 * or by nobody, so the provider is told not to, and to hand its reasoning out: items that it would have to look up are left out.
 */
export function preparedBody(body: JsonObject, dialect: DialectName, stream: boolean, model?: Model): JsonObject {
  if (dialect === 'openai-chat') return stream ? { ...body, stream_options: { include_usage: true } } : body;
  if (dialect !== 'openai-responses') return body;
  const input = Array.isArray(body.input) ? body.input : [];
  const kept = input.filter((item) => at(item, 'type') !== 'reasoning' || at(item, 'encrypted_content'));
  const asked = isObject(body.reasoning) && body.reasoning.effort !== 'none';
  const brought = kept.some((item) => at(item, 'type') === 'reasoning');
  const include = Array.isArray(body.include) ? body.include : [];
  const hidden = 'reasoning.encrypted_content';
  const add = (asked || brought || model?.capabilities?.reasoning === true) && !include.includes(hidden);
  return {
    ...body,
    ...(Array.isArray(body.input) ? { input: kept } : {}),
    store: false,
    ...(add ? { include: [...include, hidden] } : {}),
  };
}
