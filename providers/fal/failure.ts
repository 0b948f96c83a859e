import { at, errorOfAnswer, GatewayError, isObject, type Json, stringAt } from '../../src/contract/index.ts';
import type { Answered } from '../shared/ask-once.ts';

/** An account without balance is answered 403, like a wrong key. https://github.com/fal-ai/fal/issues/1112 */
export function isQuotaExhausted(status: number, body: Json): boolean {
  if (status === 402) return true;
  const words = stringAt(body, 'detail') ?? stringAt(body, 'error', 'message') ?? '';
  return status === 403 && /exhausted balance|top[_ ]?up/i.test(words);
}

/**
 * The error of an answer. fal writes `{detail: [{loc, msg, type}]}` where a model refuses its input, `{detail, error_type}` where the
 * platform fails, `{detail}` where it refuses. https://docs.fal.ai/errors
 */
export function readFailure({ status, headers, body }: Answered): GatewayError {
  const answerer = { id: 'fal', isQuotaExhausted };
  const first = at(body, 'detail', 0);
  if (!isObject(first)) {
    const error = errorOfAnswer(answerer, status, headers, withReason(body));
    return error.details.raw === undefined ? error : new GatewayError(error.code, { ...error.details, raw: body });
  }
  const location = at(first, 'loc');
  const steps = Array.isArray(location) ? location.filter((step) => step !== 'body') : [];
  const message = stringAt(first, 'msg') ?? 'the input was refused';
  const param = steps.join('.');
  const told = { error: { message, code: stringAt(first, 'type') ?? '', ...(param ? { param } : {}) } };
  const error = errorOfAnswer(answerer, status, headers, told);
  return error.details.raw === undefined ? error : new GatewayError(error.code, { ...error.details, raw: body });
}

/** The platform's own word for what failed, as a code beside its sentence. */
function withReason(body: Json | undefined): Json | undefined {
  const reason = stringAt(body, 'error_type');
  const detail = stringAt(body, 'detail');
  return reason && detail ? { error: { message: detail, code: reason } } : body;
}

/** True where the answer is the end of a job, not a failure to ask about it. */
export function endsJob({ status, body }: Answered): boolean {
  if (status < 400 || status === 401 || status === 403 || status === 429) return false;
  return Array.isArray(at(body, 'detail')) || stringAt(body, 'error_type') !== undefined;
}
