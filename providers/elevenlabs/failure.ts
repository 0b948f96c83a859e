import {
  type AnswerHeaders,
  at,
  type ErrorCode,
  errorOfAnswer,
  GatewayError,
  isObject,
  type Json,
  type JsonObject,
  stringAt,
} from '../../src/contract/index.ts';

type Detail = { codes: string[]; message?: string; param?: string; data?: Json };

const quotaCodes = ['quota_exceeded', 'insufficient_credits', 'payment_required'];
/** Refusals of what the account's plan does not hold: the key itself is good, and the words do not quote it. */
const planCodes = [
  'feature_not_available',
  'subscription_required',
  'voice_access_denied',
  'model_access_denied',
  'output_format_not_allowed',
  'only_for_creator+',
];
const policyCodes = /^(bad_prompt|bad_composition_plan|content_against_policy|content_policy_violation|tos_violation)$/;

/**
 * What a refusal means. ElevenLabs answers `{detail: {type, code, status, message, param}}` (`status` is the older name of `code`), or
 * a list of validation faults with 422. An exhausted quota comes as 401 or 402, a busy vendor as 429.
 * @see https://elevenlabs.io/docs/eleven-api/resources/errors
 */
export function readFailure(status: number, headers: AnswerHeaders, body: Json | undefined): GatewayError {
  const detail = readDetail(body);
  const has = (...codes: string[]) => codes.some((code) => detail.codes.includes(code));
  const plain = (as: number) =>
    errorOfAnswer({ id: 'elevenlabs', isQuotaExhausted }, as, headers, body && flat(detail, body));
  const again = (error: GatewayError, code: ErrorCode = error.code, more: object = {}) =>
    new GatewayError(code, {
      ...error.details,
      ...(error.details.raw === undefined || body === undefined ? {} : { raw: body }),
      ...more,
    });

  const quota = isQuotaExhausted(status, body ?? null);
  if (!quota && status === 403 && has(...planCodes)) return again(plain(400), 'provider_rejected', { status });
  const error = plain(status);
  if (quota || status >= 500) return again(error);
  if (status === 429 && has('system_busy')) return again(error, 'provider_overloaded');
  if (status === 400 && has('model_not_found', 'unsupported_model')) return again(error, 'model_not_found');
  if (status < 429 && status !== 401 && detail.codes.some((code) => policyCodes.test(code))) {
    const refusal = again(plain(400), 'content_policy', { status: undefined });
    return detail.data === undefined ? refusal : again(refusal, 'content_policy', { facts: detail.data });
  }
  return again(error);
}

/** True where the account's credits, or those of this key, are used up. */
export function isQuotaExhausted(status: number, body: Json): boolean {
  if (status === 402) return true;
  return status >= 400 && status < 500 && readDetail(body).codes.some((code) => quotaCodes.includes(code));
}

function readDetail(body: Json | undefined): Detail {
  const detail = at(body, 'detail') ?? at(body, 'error') ?? body;
  if (typeof detail === 'string') return { codes: [], message: detail };
  if (Array.isArray(detail)) {
    const faults = detail.filter(isObject);
    const where = (fault: JsonObject) => (Array.isArray(fault.loc) ? fault.loc.join('.') : '');
    const loc = faults[0]?.loc;
    const param = Array.isArray(loc) ? loc.at(-1) : undefined;
    return {
      codes: [],
      message: faults.map((fault) => `${where(fault)}: ${stringAt(fault, 'msg') ?? 'invalid'}`).join('; '),
      ...(typeof param === 'string' ? { param } : {}),
    };
  }
  const codes = ['code', 'status', 'type'].map((name) => stringAt(detail, name)).filter((code) => code !== undefined);
  const message = stringAt(detail, 'message');
  const param = stringAt(detail, 'param');
  const data = at(detail, 'data');
  return {
    codes,
    ...(message === undefined ? {} : { message }),
    ...(param === undefined ? {} : { param }),
    ...(isObject(data) ? { data } : {}),
  };
}

/** The same refusal in the shape that the general rule reads. */
function flat(detail: Detail, body: Json): Json {
  if (detail.codes.length === 0 && detail.message === undefined) return body;
  const [code, type] = detail.codes;
  return {
    error: {
      ...(detail.message === undefined ? {} : { message: detail.message }),
      ...(code === undefined ? {} : { code }),
      ...(type === undefined ? {} : { type }),
      ...(detail.param === undefined ? {} : { param: detail.param }),
    },
  };
}
