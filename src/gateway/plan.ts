import {
  GatewayError,
  type JsonObject,
  type Modality,
  type Model,
  type Route,
  type Sticky,
  type Strategy,
  strategies,
} from '../contract/index.ts';
import type { Asked } from '../meter/quote.ts';
import { arrange, type Candidate } from './choose.ts';
import { conversationOf, diceOf, type Facts, meets } from './conditions.ts';
import type { Caller, Gateway, Trace } from './gateway.ts';
import { quoteOf } from './quote-of.ts';

/** What a request itself says about who may answer it. */
export type Wishes = {
  models?: readonly string[];
  strategy?: Strategy;
  attempts?: number;
  duplicateOk?: boolean;
  restart?: boolean;
  sticky?: Sticky;
  /** Names the conversation, where the caller does. */
  conversation?: string;
  /** Milliseconds that everything may take. */
  timeout?: number;
};

/** Who is asked, in which order, and how often. */
export type Plan = {
  candidates: readonly Model[];
  attempts: number;
  /** Milliseconds that one pause may be. */
  patience: number;
  duplicateOk?: boolean;
  restart: boolean;
  /** Remembers who answered. */
  conversation?: string;
  timeout?: number;
};

export type Question = {
  caller: Pick<Caller, 'keyId'>;
  trace: Pick<Trace, 'warnings'>;
  asked: string;
  modality: Modality;
  /** Models of other modalities that will do. */
  also?: (model: Model) => boolean;
  wishes?: Wishes;
  /** Looked at only where a route needs it. */
  facts: () => Facts;
  worth: () => Asked;
  body: JsonObject;
  header?: (name: string) => string | undefined;
};

/** Milliseconds that a pause may be: one model alone is worth a short one, for most callers try again themselves. */
const patience = 3_000;
const patienceOfRoutes = 60_000;
const autoPattern = /^auto(?::([a-z]+))?$/;

/** The route that a name stands for where this modality is wanted. */
export function routeOf(gateway: Pick<Gateway, 'routes'>, name: string, modality: Modality): Route | undefined {
  return gateway.routes.size === 0
    ? undefined
    : (gateway.routes.get(name) ?? gateway.routes.get(`${name}/${modality}`));
}

/** Finds the models that may answer a request. Throws what the directory throws, and modality_mismatch for a mixed company. */
export function planOf(gateway: Gateway, question: Question): Plan {
  const { asked, modality, also, wishes } = question;
  const route = wishes?.models ? undefined : routeOf(gateway, asked, modality);
  const auto = wishes?.models || route ? undefined : autoPattern.exec(asked);
  if (!wishes && !route && !auto) {
    const model = gateway.directory.resolve(asked, modality, also);
    return { candidates: [model], attempts: gateway.attempts, patience, restart: false };
  }
  const chosen = auto ? autoRoute(gateway, modality, auto[1]) : route;
  const given = chosen ? fromRoute(gateway, question, chosen) : fromNames(gateway, question);
  const open = inOneWorld(gateway, question, given);
  const strategy = wishes?.strategy ?? chosen?.strategy ?? 'fallback';
  const sticky = wishes?.sticky ?? chosen?.sticky;
  const named = wishes?.conversation ?? conversationOf(sticky, question.body, question.header ?? (() => undefined));
  const conversation = named === undefined ? undefined : `${question.caller.keyId} ${asked} ${named}`;
  const several = open.length > 1;
  const restart = wishes?.restart ?? chosen?.restart ?? false;
  return {
    candidates: several ? ordered(gateway, question, open, strategy, conversation) : open.map(({ model }) => model),
    attempts: wishes?.attempts ?? chosen?.attempts ?? Math.max(gateway.attempts, open.length),
    patience: several || chosen ? patienceOfRoutes : patience,
    duplicateOk: wishes?.duplicateOk ?? chosen?.duplicateOk,
    restart,
    ...(conversation === undefined ? {} : { conversation }),
    ...(wishes?.timeout === undefined ? {} : { timeout: wishes.timeout }),
  };
}

/** `auto` without a route of that name: the default of the modality, or with a strategy (`auto:cheapest`) all that make it. */
function autoRoute(gateway: Gateway, modality: Modality, word: string | undefined): Route {
  const name = 'auto';
  if (word === undefined) {
    const first = gateway.directory.defaultOf(modality);
    if (first) return { name, modality, strategy: 'fallback', models: [{ model: first }] };
    throw new GatewayError('model_not_found', {
      message: `No default model is configured for ${modality}.`,
      param: 'model',
    });
  }
  const strategy = strategies.find((one) => one === word);
  if (!strategy) {
    throw new GatewayError('invalid_request', {
      message: `"auto:${word}" is not known: it is auto, or auto: with one of ${strategies.join(', ')}.`,
      param: 'model',
    });
  }
  const configured = routeOf(gateway, name, modality);
  if (configured && strategy !== 'cheapest' && strategy !== 'fastest') return { ...configured, strategy };
  const models = gateway.directory
    .list()
    .filter((model) => model.modality === modality && gateway.upstreams.has(model.provider))
    .map(({ id }) => ({ model: id }));
  // a failure is followed by a few others, not by the whole catalogue
  return { name, modality, strategy, models, attempts: gateway.attempts };
}

function fromRoute(gateway: Gateway, question: Question, route: Route): Candidate[] {
  if (route.modality !== question.modality) gateway.directory.resolve(route.models[0]!.model, question.modality);
  const facts = route.models.some(({ when }) => when) ? question.facts() : undefined;
  const open = facts ? route.models.filter(({ when }) => meets(facts, when)) : route.models;
  if (open.length === 0) {
    throw new GatewayError('invalid_request', {
      message: `No model of the route "${route.name}" takes a request like this one.`,
      param: 'model',
    });
  }
  return resolved(gateway, question, open);
}

function fromNames(gateway: Gateway, question: Question): Candidate[] {
  const names = question.wishes?.models ?? [question.asked];
  return resolved(
    gateway,
    question,
    names.map((model) => ({ model })),
  );
}

/** A model that is gone is left out where there are others; one of another modality is refused by name. */
function resolved(gateway: Gateway, question: Question, rows: readonly Route['models'][number][]): Candidate[] {
  const found: Candidate[] = [];
  let gone: unknown;
  for (const { model: name, weight, quality } of rows) {
    try {
      const model = gateway.directory.resolve(name, question.modality, question.also);
      if (!found.some((one) => one.model.id === model.id)) found.push({ model, weight, quality });
    } catch (thrown) {
      const isGone =
        thrown instanceof GatewayError && thrown.code === 'model_not_found' && gateway.directory.find(name);
      if (!isGone) throw thrown;
      gone ??= thrown;
    }
  }
  const [first] = found;
  if (!first) throw gone;
  const other = found.find(({ model }) => model.modality !== first.model.modality);
  if (other) {
    throw new GatewayError('modality_mismatch', {
      message: `${other.model.id} makes ${other.model.modality}, ${first.model.id} makes ${first.model.modality}: one cannot stand in for the other.`,
      param: 'models',
    });
  }
  return found;
}

/** A real answer is never replaced by a simulated one: where a real provider is among them, simulated ones stand aside. */
function inOneWorld(gateway: Gateway, question: Question, found: Candidate[]): Candidate[] {
  const of = ({ model }: Candidate) => gateway.upstreams.get(model.provider);
  const called = found.filter((one) => of(one));
  if (called.length === 0) return found;
  const real = called.filter((one) => !of(one)!.simulated);
  const open = real.length > 0 ? real : called;
  if (open.length < found.length && question.wishes?.models) {
    const left = found.filter((one) => !open.includes(one)).map(({ model }) => model.id);
    question.trace.warnings.push(`No credential is configured for ${left.join(', ')}: left out.`);
  }
  return open;
}

function ordered(
  gateway: Gateway,
  question: Question,
  open: readonly Candidate[],
  strategy: Strategy,
  conversation: string | undefined,
): Model[] {
  const now = gateway.clock.now();
  let asked: Asked | undefined;
  const order = arrange(open, strategy, {
    costOf: (model) => {
      asked ??= question.worth();
      return quoteOf(gateway, model, asked, now).expected;
    },
    latencyOf: (model) => gateway.health.model(model.id).statistics.expected(now, question.facts().stream),
    dice: () => (conversation === undefined ? gateway.random() : diceOf(conversation)),
  });
  const before = conversation === undefined ? undefined : gateway.health.answererOf(conversation, now);
  const place = order.findIndex(({ id }) => id === before);
  if (place > 0) order.unshift(...order.splice(place, 1));
  return order;
}
