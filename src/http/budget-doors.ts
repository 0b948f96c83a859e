import type { Context } from 'hono';
import * as z from 'zod';
import type { BudgetState } from '../books/index.ts';
import { budgetScopes, budgetUnits, unitDigits, windows } from '../books/index.ts';
import { GatewayError, type JsonObject, modalities } from '../contract/index.ts';
import { newId } from '../gateway/ids.ts';
import { parseUsd, writeScaled, writeUsd } from '../meter/money.ts';
import { checkTold, hashedUser } from './about.ts';
import { errorAnswer, jsonAnswer } from './answer.ts';
import { readJson } from './body.ts';
import type { Doors } from './generations.ts';
import { badField, decimalPattern, parsed } from './refuse.ts';

const newBudget = z
  .strictObject({
    scope: z.enum(budgetScopes),
    /** A key's id, a project, "tag=value" or an end user; "*", or "tag=*", for each by itself. */
    subject: z.string().min(1).max(256).optional(),
    modality: z.enum(modalities).optional(),
    unit: z.enum(budgetUnits).default('usd'),
    window: z.enum(windows).optional(),
    time_zone: z.string().refine(isZone, 'must be an IANA time zone such as "Europe/Berlin"').default('UTC'),
    limit: z.string().regex(decimalPattern, 'must be a decimal such as "25.50"'),
    alerts: z.array(z.int().min(1).max(100)).max(10).default([]),
    alert_url: z.url().max(2048).optional(),
  })
  .refine(({ scope, subject }) => (scope === 'tenant') === (subject === undefined), {
    path: ['subject'],
    error: 'is needed for every scope but tenant, which has none',
  })
  .refine(({ scope, subject }) => scope !== 'tag' || /^[^=]+=./.test(subject ?? ''), {
    path: ['subject'],
    error: 'a tag is written "name=value", or "name=*" for each value by itself',
  })
  .refine(({ unit, window }) => unit === 'jobs' || window !== undefined, {
    path: ['window'],
    error: `is needed: ${windows.filter((one) => one !== 'concurrent').join(', ')}`,
  })
  .refine(({ unit, window }) => window === undefined || (unit === 'jobs') === (window === 'concurrent'), {
    path: ['window'],
    error: 'jobs are limited by the window concurrent, and nothing else is',
  });

/** `POST /v1/budgets` (admin): a limit that admission keeps. */
export function createBudget({ gateway, authenticator }: Doors) {
  return async function answerBudget(c: Context): Promise<Response> {
    try {
      const tenant = await authenticator.admin(c);
      const book = gateway.books.of(tenant);
      const asked = parsed(newBudget, (await readJson(c)).body);
      const { scope, subject, modality, unit, window, time_zone, limit, alerts, alert_url } = asked;
      if (alert_url) checkTold(gateway, alert_url, 'alert_url');
      if (scope === 'key' && subject !== '*' && !(await book.listKeys()).some(({ id }) => id === subject)) {
        throw badField('subject', `No key is called "${subject}".`);
      }
      const id = newId('bud_', gateway.clock.now());
      const named = scope === 'user' && subject && subject !== '*' ? await hashedUser({ book }, subject) : subject;
      await book.putBudget({
        id,
        scope,
        ...(named ? { subject: named } : {}),
        ...(modality ? { modality } : {}),
        unit,
        window: window ?? 'concurrent',
        timeZone: time_zone,
        // Both count in fixed decimals: 12 of a dollar, 6 of anything else.
        amount: unit === 'usd' ? parseUsd(limit) : parseUsd(limit) / 10n ** BigInt(12 - unitDigits),
        alerts,
        ...(alert_url ? { alertUrl: alert_url } : {}),
        at: gateway.clock.now(),
      });
      authenticator.forget();
      const made = (await book.listBudgets(gateway.clock.now())).find((budget) => budget.id === id);
      return jsonAnswer(c, made ? viewBudget(made) : {}, 201);
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

/** `GET /v1/budgets`: limits with what is spent, held and available now. An app's key sees those of the whole tenant and its own. */
export function listBudgets({ gateway, authenticator }: Doors) {
  return async function answerBudgets(c: Context): Promise<Response> {
    try {
      const { caller, tenant } = await authenticator.callerOrAdmin(c);
      const all = await gateway.books.of(tenant).listBudgets(gateway.clock.now());
      const mine = caller
        ? all
            .filter(({ scope, subject }) => scope === 'tenant' || isOwn(scope, subject, caller))
            .map((budget) => ({
              ...budget,
              uses: budget.uses.filter((use) => isOwnUse(budget.scope, use.subject, caller)),
            }))
        : all;
      return jsonAnswer(c, { object: 'list', data: mine.map(viewBudget) });
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

/** `DELETE /v1/budgets/{id}` (admin). */
export function removeBudget({ gateway, authenticator }: Doors) {
  return async function answerRemoved(c: Context): Promise<Response> {
    try {
      const tenant = await authenticator.admin(c);
      const id = c.req.param('id') ?? '';
      const removed = await gateway.books.of(tenant).removeBudget(id);
      if (!removed) throw new GatewayError('not_found', { message: `No budget is called "${id}".`, param: 'id' });
      return jsonAnswer(c, { id, object: 'budget', deleted: true });
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

type Own = { keyId: string; project?: string };

function isOwn(scope: string, subject: string | undefined, { keyId, project }: Own): boolean {
  if (scope === 'key') return subject === '*' || subject === keyId;
  return scope === 'project' && project !== undefined && (subject === '*' || subject === project);
}

function isOwnUse(scope: string, subject: string, { keyId, project }: Own): boolean {
  return scope === 'tenant' || (scope === 'key' ? subject === keyId : subject === project);
}

function viewBudget(budget: BudgetState): JsonObject {
  const write = (amount: bigint) => (budget.unit === 'usd' ? writeUsd(amount) : writeScaled(amount, unitDigits));
  return {
    id: budget.id,
    object: 'budget',
    scope: budget.scope,
    subject: budget.subject ?? null,
    modality: budget.modality ?? null,
    unit: budget.unit,
    window: budget.window,
    time_zone: budget.timeZone,
    limit: write(budget.amount),
    alerts: budget.alerts,
    alert_url: budget.alertUrl ?? null,
    uses: budget.uses.map(({ subject, windowStart, windowEnd, spent, held, breaches }) => {
      const free = budget.amount - spent - held;
      return {
        subject,
        window_start: Math.floor(windowStart / 1000),
        window_end: windowEnd === undefined ? null : Math.floor(windowEnd / 1000),
        spent: write(spent),
        held: write(held),
        available: write(free > 0n ? free : 0n),
        ...(breaches > 0 ? { hold_breaches: breaches } : {}),
      };
    }),
  };
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}
