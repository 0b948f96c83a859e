import type { Row, Sql } from '../runtime/ports.ts';
import type { Alert } from './budget.ts';
import { Leases } from './leases.ts';

export type NewDelivery = {
  id: string;
  event: string;
  url: string;
  /** The generation to show; else `body` is sent as it is. */
  generationId?: string;
  body?: string;
  /** Where this gateway is reached, for links in the body. */
  origin: string;
  at: number;
};

export type Delivery = NewDelivery & {
  state: 'pending' | 'delivered' | 'failed';
  tries: number;
  due: number;
  answer?: string;
};

/** Webhooks to send: written in the transaction of what they tell, kept until told or given up. */
export class Deliveries {
  private readonly sql: Sql;
  private readonly leases: Leases;

  constructor(sql: Sql) {
    this.sql = sql;
    this.leases = new Leases(sql, { table: 'delivery', key: 'id', condition: "state = 'pending'" });
  }

  insert(delivery: NewDelivery): void {
    this.sql.run(
      `INSERT INTO delivery (id, event, url, generation_id, body, origin, state, created_at, due)
       VALUES (?, ?, ?, ?, ?, ?, 'pending', ?, ?) ON CONFLICT DO NOTHING`,
      delivery.id,
      delivery.event,
      delivery.url,
      delivery.generationId ?? null,
      delivery.body ?? null,
      delivery.origin,
      delivery.at,
      delivery.at,
    );
  }

  /** Takes what is due, for the time of a lease: this try is counted in its `tries`. */
  claim(now: number, lease: number, most: number): Delivery[] {
    const rows = this.leases.claim(now, lease, most);
    return rows.map((row) => ({ ...readDelivery(row), tries: Number(row.tries) + 1 }));
  }

  /** @param due when to try again; absent where it is told or given up. */
  answered(id: string, state: Delivery['state'], answer: string, due: number | undefined): void {
    this.sql.run(
      'UPDATE delivery SET state = ?, answer = ?, due = COALESCE(?, due), leased_until = 0 WHERE id = ?',
      state,
      answer,
      due ?? null,
      id,
    );
  }

  /** Sends it once more from the start. False when there is no such delivery. */
  again(id: string, now: number): boolean {
    const changed = this.sql.run(
      "UPDATE delivery SET state = 'pending', tries = 0, due = ?, leased_until = 0 WHERE id = ?",
      now,
      id,
    );
    return changed === 1;
  }

  list(limit: number, generationId?: string): Delivery[] {
    const only = generationId ?? null;
    return this.sql
      .all('SELECT * FROM delivery WHERE ? IS NULL OR generation_id = ? ORDER BY id DESC LIMIT ?', only, only, limit)
      .map(readDelivery);
  }

  nextDue(): number | undefined {
    return this.leases.nextDue();
  }

  /** Leases of a process that is gone end at once; what waits for its next try still does. */
  release(): void {
    this.leases.release();
  }
}

function readDelivery(row: Row): Delivery {
  return {
    id: String(row.id),
    event: String(row.event),
    url: String(row.url),
    ...(row.generation_id === null ? {} : { generationId: String(row.generation_id) }),
    ...(row.body === null ? {} : { body: String(row.body) }),
    origin: String(row.origin),
    state: row.state as Delivery['state'],
    at: Number(row.created_at),
    tries: Number(row.tries),
    due: Number(row.due),
    ...(row.answer === null ? {} : { answer: String(row.answer) }),
  };
}

/** A threshold of a budget that was passed, as it is told. */
export function deliveryOfAlert(
  { budget, subject, windowStart, percent, spent, held }: Alert,
  at: number,
): NewDelivery {
  const { id, scope, unit, window, amount } = budget;
  const data = { budget: id, scope, subject, unit, window, window_start: windowStart, percent };
  const amounts = { limit: amount.toString(), spent: spent.toString(), held: held.toString() };
  return {
    id: `evt_${id}_${windowStart}_${percent}_${subject}`,
    event: 'budget.threshold',
    url: budget.alertUrl ?? '',
    body: JSON.stringify({ type: 'budget.threshold', data: { ...data, ...amounts } }),
    origin: '',
    at,
  };
}
