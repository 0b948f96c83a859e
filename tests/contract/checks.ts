import { at, type Json, type JsonObject, stringAt } from '../../src/contract/index.ts';
import { framesOf } from '../conformance/matrix/world.ts';
import { type Check, loadSpec, requestPointer, responsePointer, validator } from '../support/spec.ts';

/** How often each description was held against something, and what did not fit. */
export class Tally {
  readonly counts = new Map<string, number>();
  readonly invalid: string[] = [];

  check(spec: string, pointer: string, value: Json, where: string): void {
    const name = `${spec}#${pointer}`;
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    const fault = checkOf(spec, pointer)(value);
    if (fault) this.invalid.push(`${where} is no ${name}:\n${fault}\n${JSON.stringify(value).slice(0, 600)}`);
  }

  get total(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }
}

function checkOf(spec: string, pointer: string): Check {
  const check = validator(spec, pointer);
  if (!check) throw new Error(`There is no description "${spec}".`);
  return check;
}

const schema = (name: string) => `/components/schemas/${name}`;

/** Everything that a client was sent in one exchange. */
export type Sent = {
  path: string;
  status: number;
  stream: boolean;
  text: string;
  /** True where we wrote the answer ourselves: it must then be whole, where a provider's own may be shorter. */
  crossed?: boolean;
};

/** Holds an answer of one of our doors against the description of the API that the door stands for. */
export function checkAnswer(tally: Tally, dialect: string, sent: Sent): void {
  const where = `${sent.path} → ${sent.status}`;
  const bodies = sent.stream
    ? framesOf(sent.text).filter((frame) => frame !== '[DONE]')
    : [JSON.parse(sent.text) as Json];
  for (const body of bodies) {
    if (body === null) tally.invalid.push(`${where} sent a frame that is no JSON: ${sent.text.slice(0, 300)}`);
    else answerChecks[dialect]!(tally, body, sent, where);
  }
}

type AnswerCheck = (tally: Tally, body: Json, sent: Sent, where: string) => void;

const answerChecks: Record<string, AnswerCheck> = {
  'openai-chat': (tally, body, { stream }, where) => {
    if (at(body, 'error')) tally.check('openai', schema('ErrorResponse'), body, where);
    else if (stream) tally.check('openai', schema('CreateChatCompletionStreamResponse'), body, where);
    else tally.check('openai', responsePointer('/chat/completions', 'post', 200), body, where);
  },
  'openai-responses': (tally, body, { stream, status, crossed }, where) => {
    if (status >= 400) return tally.check('openai', schema('ErrorResponse'), body, where);
    if (stream) {
      const type = stringAt(body, 'type') ?? '';
      const own = eventSchemas().get(type);
      if (!own) tally.invalid.push(`${where} sent an event that no description knows: "${type}"`);
      else tally.check('openai', schema(own), body, `${where} ${type}`);
      if (type !== 'response.completed') return;
    }
    const response = stream ? (at(body, 'response') ?? null) : body;
    if (!stream) tally.check('openai', responsePointer('/responses', 'post', 200), response, where);
    if (crossed) tally.check('openresponses', schema('ResponseResource'), withoutSchema(response), where);
  },
  'anthropic-messages': (tally, body, { stream }, where) => {
    if (at(body, 'type') === 'error') tally.check('anthropic', schema('ErrorResponse'), body, where);
    else if (!stream) tally.check('anthropic', schema('Message'), body, where);
    else if (at(body, 'type') !== 'ping') tally.check('anthropic', schema('MessageStreamEvent'), body, where);
  },
  gemini: (tally, body, _, where) => {
    const google = 'google-generativelanguage';
    const error = at(body, 'error');
    if (error) tally.check(google, schema('Status'), error, where);
    else tally.check(google, schema('GenerateContentResponse'), body, where);
  },
};

/** Open Responses describes the schema of a structured answer as null, and nothing else. */
function withoutSchema(response: Json): Json {
  if (!at(response, 'text', 'format', 'schema')) return response;
  return { ...(response as JsonObject), text: { format: { type: 'text' } } };
}

let events: Map<string, string> | undefined;

/** The schema of each streamed event of the Responses API, by its type. */
function eventSchemas(): Map<string, string> {
  if (events) return events;
  events = new Map();
  const document = loadSpec('openai');
  const any = at(document, 'components', 'schemas', 'ResponseStreamEvent', 'anyOf');
  for (const reference of Array.isArray(any) ? any : []) {
    const name = (stringAt(reference, '$ref') ?? '').split('/').at(-1)!;
    const type = at(document, 'components', 'schemas', name, 'properties', 'type', 'enum', 0);
    if (typeof type === 'string') events.set(type, name);
  }
  return events;
}

/** Descriptions of what each provider takes, by the end of the path. */
const requests: [provider: string, path: RegExp, spec: string, pointer: string][] = [
  ['openai', /\/chat\/completions$/, 'openai', requestPointer('/chat/completions', 'post')],
  ['openai', /\/responses$/, 'openai', requestPointer('/responses', 'post')],
  ['openai', /\/embeddings$/, 'openai', requestPointer('/embeddings', 'post')],
  ['openai', /\/moderations$/, 'openai', requestPointer('/moderations', 'post')],
  ['anthropic', /\/messages$/, 'anthropic', schema('CreateMessageParams')],
  ['anthropic', /\/count_tokens$/, 'anthropic', schema('CountMessageTokensParams')],
  ['google', /:(stream)?[gG]enerateContent$/, 'google-generativelanguage', schema('GenerateContentRequest')],
  ['google', /:countTokens$/, 'google-generativelanguage', schema('CountTokensRequest')],
  ['google', /:batchEmbedContents$/, 'google-generativelanguage', schema('BatchEmbedContentsRequest')],
  ['google', /:embedContent$/, 'google-generativelanguage', schema('EmbedContentRequest')],
  ['mistral', /\/chat\/completions$/, 'mistral', requestPointer('/v1/chat/completions', 'post')],
  ['groq', /\/chat\/completions$/, 'groq', requestPointer('/openai/v1/chat/completions', 'post')],
];

/** Holds what an adapter sent against the provider's description. Google's wants the model in the body, which its API takes from the path. */
export function checkRequest(tally: Tally, provider: string, path: string, body: Json): void {
  const known = requests.find(([id, pattern]) => id === provider && pattern.test(path));
  if (!known) {
    tally.invalid.push(`${provider} got ${path}, which no description covers`);
    return;
  }
  const [, , spec, pointer] = known;
  // OpenAI's own description takes a message both for an easy one and for a full one: Open Responses tells them apart.
  if (spec === 'openai' && pointer.includes('~1responses') && validator(spec, pointer)?.(body)) {
    tally.check('openresponses', schema('CreateResponseBody'), body, `${provider} ${path}`);
    return;
  }
  const model = provider === 'google' && pointer.endsWith('/GenerateContentRequest') ? { model: 'models/any' } : {};
  tally.check(spec, pointer, { ...model, ...(body as object) } as Json, `${provider} ${path}`);
}
