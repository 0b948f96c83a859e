import type { JsonObject } from '../../../src/contract/index.ts';
import { isObject } from '../../../src/contract/index.ts';
import type { SimulatorContext } from '../simulator.ts';

type Fault = { loc: (string | number)[]; msg: string; type: string };

const types: Record<number, string> = {
  401: 'authentication_error',
  402: 'payment_required',
  403: 'authorization_error',
  404: 'not_found',
  409: 'conflict',
  429: 'rate_limit_error',
  503: 'service_unavailable',
};
const codes: Record<number, string> = {
  400: 'bad_request',
  401: 'invalid_api_key',
  402: 'insufficient_credits',
  403: 'forbidden',
  404: 'not_found',
  429: 'rate_limit_exceeded',
  503: 'service_unavailable',
};

/** A refusal in the vendor's envelope: `detail` with type, code, message and the older `status`. */
export class WireError extends Error {
  readonly status: number;
  readonly detail: JsonObject | Fault[];

  constructor(status: number, message: string, code?: string, more: JsonObject = {}) {
    super(message);
    this.status = status;
    const word = code ?? codes[status] ?? (status < 500 ? 'bad_request' : 'internal_error');
    const type = types[status] ?? (status < 500 ? 'validation_error' : 'internal_error');
    this.detail = { type, code: word, message, status: word, ...more };
  }

  /** @param requestId stands beside the code, as in every refusal but a validation fault. */
  toResponse(requestId?: string): Response {
    const { detail } = this;
    const named = Array.isArray(detail) || !requestId ? detail : { ...detail, request_id: requestId };
    return Response.json({ detail: named }, { status: this.status });
  }
}

/** Faults of a request's form: 422 with a list. */
export class FormError extends WireError {
  override readonly detail: Fault[];

  constructor(faults: Fault[]) {
    super(422, faults[0]?.msg ?? 'invalid');
    this.detail = faults;
  }
}

export async function readJson(request: Request): Promise<{ text: string; body: JsonObject }> {
  const text = await request.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new FormError([{ loc: ['body', 0], msg: 'JSON decode error', type: 'json_invalid' }]);
  }
  if (!isObject(body)) {
    throw new FormError([
      { loc: ['body'], msg: 'Input should be a valid dictionary or object', type: 'model_attributes_type' },
    ]);
  }
  return { text, body };
}

/** Bounds of a number, words of an enumeration, or the kind alone; `null` passes everywhere except where it is required. */
export type Rule = {
  type: 'string' | 'integer' | 'number' | 'boolean' | 'object' | 'array';
  required?: boolean;
  min?: number;
  max?: number;
  maxLength?: number;
  oneOf?: readonly string[];
};

/** Checks fields as the vendor's framework does: every fault at once. Unknown fields pass, as they do there. */
export function check(values: JsonObject, rules: Record<string, Rule>, place: 'body' | 'query' = 'body'): void {
  const faults: Fault[] = [];
  for (const [name, rule] of Object.entries(rules)) {
    const value = values[name];
    const say = (msg: string, type: string) => faults.push({ loc: [place, name], msg, type });
    if (value === undefined || value === null) {
      if (rule.required) say('Field required', 'missing');
    } else if (!isOf(rule.type, value)) say(`Input should be a valid ${rule.type}`, `${rule.type}_type`);
    else if (rule.oneOf && !rule.oneOf.includes(String(value))) {
      say(`Input should be ${rule.oneOf.map((word) => `'${word}'`).join(' or ')}`, 'enum');
    } else if (rule.min !== undefined && Number(value) < rule.min) {
      say(`Input should be greater than or equal to ${rule.min}`, 'greater_than_equal');
    } else if (rule.max !== undefined && Number(value) > rule.max) {
      say(`Input should be less than or equal to ${rule.max}`, 'less_than_equal');
    } else if (rule.maxLength !== undefined && [...String(value)].length > rule.maxLength) {
      say(`String should have at most ${rule.maxLength} characters`, 'string_too_long');
    }
  }
  if (faults.length > 0) throw new FormError(faults);
}

function isOf(type: Rule['type'], value: unknown): boolean {
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isObject(value);
  return typeof value === type;
}

/** Pieces as they leave the vendor, one a read, the context's pace apart. */
export function stream(
  pieces: Iterable<Uint8Array>,
  { paceMs, sleep }: Pick<SimulatorContext, 'paceMs' | 'sleep'>,
): ReadableStream<Uint8Array> {
  const list = pieces[Symbol.iterator]();
  let first = true;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (!first && paceMs > 0) await sleep(paceMs);
        first = false;
        const next = list.next();
        if (next.done) controller.close();
        else controller.enqueue(next.value);
      },
    },
    { highWaterMark: 0 },
  );
}
