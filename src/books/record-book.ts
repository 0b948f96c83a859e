import type { Sql } from '../runtime/ports.ts';
import { AssetRecords, type AssetRow } from './assets.ts';
import type { Budget, BudgetState } from './budget.ts';
import { Budgets } from './budgets.ts';
import { Deliveries, type Delivery, type NewDelivery } from './deliveries.ts';
import { type AgedRequest, Idempotency, type IdempotentClaim, type KeptAnswer } from './idempotency.ts';
import { type DeadLetter, Jobs } from './jobs.ts';
import { type KeyGrant, type KeyRow, Keys, type NewKey } from './keys.ts';
import { type ResponseRecord, Responses } from './responses.ts';

/** The records of a book that stand by themselves: keys, settings, outputs, stored answers, budgets, webhooks. */
export abstract class RecordBook {
  protected readonly sql: Sql;
  protected readonly keys: Keys;
  protected readonly assets: AssetRecords;
  protected readonly responses: Responses;
  protected readonly jobs: Jobs;
  protected readonly deliveries: Deliveries;
  protected readonly budgets: Budgets;
  protected readonly idempotency: Idempotency;

  constructor(sql: Sql) {
    this.sql = sql;
    this.keys = new Keys(sql);
    this.assets = new AssetRecords(sql);
    this.responses = new Responses(sql);
    this.jobs = new Jobs(sql);
    this.deliveries = new Deliveries(sql);
    this.budgets = new Budgets(sql);
    this.idempotency = new Idempotency(sql);
  }

  /** The stored setting, or `value` stored now if there was none. */
  setting(name: string, value: string): string {
    this.sql.run('INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING', name, value);
    return String(this.sql.all('SELECT value FROM setting WHERE name = ?', name)[0]?.value);
  }

  createKey(key: NewKey): void {
    this.keys.create(key);
  }

  listKeys(): KeyRow[] {
    return this.keys.list();
  }

  revokeKey(id: string, at: number): boolean {
    return this.keys.revoke(id, at);
  }

  /** The live key with this SHA-256, or undefined: unknown, expired and revoked are not told apart. */
  authorize(hash: string, at: number): KeyGrant | undefined {
    return this.keys.authorize(hash, at);
  }

  bury(letter: DeadLetter): void {
    this.jobs.bury(letter);
  }

  deadLetters(limit: number): DeadLetter[] {
    return this.jobs.deadLetters(limit);
  }

  deliver(delivery: NewDelivery): void {
    this.deliveries.insert(delivery);
  }

  delivered(id: string, state: Delivery['state'], answer: string, due?: number): void {
    this.deliveries.answered(id, state, answer, due);
  }

  deliverAgain(id: string, now: number): boolean {
    return this.deliveries.again(id, now);
  }

  listDeliveries(limit: number, generationId?: string): Delivery[] {
    return this.deliveries.list(limit, generationId);
  }

  claimRequest(keyId: string, name: string, fingerprint: string, now: number, lifeMs?: number): IdempotentClaim {
    return this.idempotency.claim(keyId, name, fingerprint, now, lifeMs);
  }

  answerRequest(keyId: string, name: string, answer: KeptAnswer): void {
    this.idempotency.answer(keyId, name, answer);
  }

  forgetRequest(keyId: string, name: string): void {
    this.idempotency.forget(keyId, name);
  }

  agedRequests(now: number, most: number): AgedRequest[] {
    return this.idempotency.aged(now, most);
  }

  removeAgedRequests(found: readonly AgedRequest[]): void {
    this.idempotency.removeAged(found);
  }

  putBudget(budget: Budget): void {
    this.budgets.put(budget);
  }

  removeBudget(id: string): boolean {
    return this.budgets.remove(id);
  }

  listBudgets(at: number): BudgetState[] {
    return this.budgets.states(at);
  }

  addAsset(asset: AssetRow): void {
    this.assets.insert(asset);
  }

  agedAssets(before: number, most: number): string[] {
    return this.assets.aged(before, most);
  }

  removeAsset(id: string): void {
    this.assets.remove(id);
  }

  asset(id: string): AssetRow | undefined {
    return this.assets.find(id);
  }

  /** Keeps a Responses answer. An ended one is never overwritten. */
  saveResponse(record: ResponseRecord): void {
    this.responses.save(record);
  }

  response(id: string, keyId: string): ResponseRecord | undefined {
    return this.responses.find(id, keyId);
  }

  removeResponse(id: string, keyId: string): boolean {
    return this.responses.remove(id, keyId);
  }
}
