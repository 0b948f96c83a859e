import { at, type GatewayError, stringAt } from '../contract/index.ts';

/** What a failure allows: nothing more, another model, or the same one as well. */
export type Verdict = 'stop' | 'elsewhere' | 'again';

export type Circumstances = {
  /** The call makes media, which is paid for by the piece. */
  media: boolean;
  /** What the route or the request says about calls whose outcome is not known. */
  duplicateOk?: boolean;
  /** The provider was asked and did nothing. */
  idle: boolean;
  /** Output has been passed on, and the route lets another model go on with it. */
  restart?: boolean;
};

const tooLongCodes = ['context_length_exceeded', 'string_above_max_length', 'request_too_large'];
const tooLongWords =
  /context[_ ](length|window)|maximum context|prompt is too long|input (is )?too long|too many (input )?tokens|exceeds? the (maximum|model's).{0,40}tokens|input token count/i;

/** The request does not fit into this model: a larger one may take it. */
export function isTooLong({ code, details }: GatewayError): boolean {
  if (code !== 'provider_rejected') return false;
  const said = stringAt(details.raw, 'error', 'code') ?? stringAt(details.raw, 'error', 'type') ?? '';
  return (
    details.status === 413 || tooLongCodes.includes(said) || tooLongWords.test(words(details.raw, details.message))
  );
}

function words(raw: unknown, message: string): string {
  return `${message} ${String(at(raw, 'error', 'message') ?? '')}`;
}

/**
 * What may be done after a failed attempt. Not sent (A) and refused unbilled (B) may be tried again; unknown (C) only where nothing is
 * paid twice by it: text by another model unless forbidden, by the same where allowed; media never, unless the provider says that it
 * did nothing. What was begun (D) is gone on with only where the route says so. What the request itself is to blame for stays.
 */
export function verdictOf(error: GatewayError, circumstances: Circumstances): Verdict {
  const { media, duplicateOk, idle, restart } = circumstances;
  switch (error.code) {
    case 'provider_authentication':
    case 'provider_quota_exhausted':
    case 'model_not_found':
      return 'elsewhere';
    case 'provider_rejected':
      return isTooLong(error) ? 'elsewhere' : 'stop';
    case 'provider_unavailable':
    case 'provider_rate_limited':
    case 'provider_overloaded':
    case 'provider_timeout':
    case 'provider_error':
    case 'provider_garbage':
    case 'invalid_output':
    case 'outcome_unknown':
    case 'stream_interrupted':
      break;
    default:
      return 'stop';
  }
  const { failure } = error.details;
  if (restart) return 'again';
  if (failure === 'A' || failure === 'B' || idle) return 'again';
  if (failure !== 'C' || media || duplicateOk === false) return 'stop';
  return duplicateOk === true ? 'again' : 'elsewhere';
}

/** Before an attempt began: what another model may do better. */
export function isPassable({ code, details }: GatewayError): boolean {
  if (code === 'provider_overloaded') return details.failure === 'A';
  return [
    'unsupported_parameter',
    'invalid_request',
    'modality_mismatch',
    'provider_not_configured',
    'budget_exhausted',
    'budget_in_flight',
    'unpriced_model',
  ].includes(code);
}
