import type { Book } from '../../src/books/book.ts';
import type { Modality, Receipt, ReceiptLine } from '../../src/contract/index.ts';
import { newId } from '../../src/gateway/ids.ts';
import type { SqlFile } from '../../src/runtime/node/sql.ts';

/** When the month begins, in milliseconds. */
export const start = Date.UTC(2026, 9, 1);
export const month = 31 * 86_400_000;

const models: [modality: Modality, provider: string, model: string, share: number][] = [
  ...(['small', 'medium', 'large', 'thinking'] as const).flatMap((size) =>
    (['north', 'south', 'east'] as const).map(
      (house) => ['text', house, `pen-${size}`, 7] as [Modality, string, string, number],
    ),
  ),
  ['embedding', 'north', 'vector', 8],
  ['image', 'north', 'canvas', 4],
  ['image', 'west', 'brush', 2],
  ['speech', 'south', 'voice', 2],
  ['transcription', 'east', 'ear', 2],
  ['video', 'west', 'film', 1],
  ['music', 'west', 'tune', 1],
];

/** A repeatable sequence of numbers from 0 to 1. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const line = (
  meter: ReceiptLine['meter'],
  quantity: number,
  pico: number,
  dims?: Record<string, string>,
): ReceiptLine => ({
  meter,
  quantity,
  ...(dims ? { dims } : {}),
  price: String(pico / 1e6),
  per: '1000000',
  amount: BigInt(Math.round(quantity * pico)),
});

function receiptOf(modality: Modality, random: () => number): { receipt: Receipt; units?: Record<string, number> } {
  const whole = (most: number) => 1 + Math.floor(random() ** 3 * most);
  const lines: ReceiptLine[] = [];
  let units: Record<string, number> | undefined;
  if (modality === 'text') {
    lines.push(line('input_text_tokens', whole(20_000), 250_000), line('output_text_tokens', whole(4_000), 2_000_000));
    if (random() < 0.3) lines.push(line('cached_input_tokens', whole(20_000), 25_000));
  } else if (modality === 'embedding') lines.push(line('input_text_tokens', whole(8_000), 20_000));
  else if (modality === 'image') {
    units = { images: whole(4) };
    const size = random() < 0.5 ? '1024x1024' : '1536x1024';
    lines.push(line('images', units.images!, 42_000_000_000, { size, quality: 'medium' }));
  } else if (modality === 'speech') {
    units = { seconds: whole(900) / 10, characters: whole(2_000) };
    lines.push(line('input_characters', units.characters!, 15_000_000));
  } else if (modality === 'transcription') {
    units = { seconds: whole(6_000) / 10 };
    lines.push(line('input_audio_seconds', units.seconds!, 100_000_000));
  } else {
    units = { seconds: whole(10) };
    lines.push(
      line(modality === 'video' ? 'output_video_seconds' : 'output_audio_seconds', units.seconds!, 100_000_000_000),
    );
  }
  const total = lines.reduce((sum, one) => sum + (one.amount ?? 0n), 0n);
  const receipt: Receipt = { lines, total, status: 'priced', basis: 'computed_from_usage', catalogue: 'sha256:bench' };
  if (random() < 0.01) {
    delete receipt.total;
    receipt.status = 'unpriced';
    for (const one of lines) delete one.amount;
  }
  return { receipt, ...(units ? { units } : {}) };
}

/** What was written: attempts, the ledger rows of their receipts, and the pico-dollars of all of them. */
export type Filled = { attempts: number; rows: number; paid: bigint };

/**
 * Writes attempts as the gateway does, some of them in flight at a time.
 * @param most ledger rows; the last receipt may bring one or two more.
 */
export function fill(sql: SqlFile, book: Book, most: number, seed: number, from = start): Filled {
  const random = sequence(seed);
  const shares = models.flatMap((model) => Array.from({ length: model[3] }, () => model));
  const pick = (most: number) => Math.floor(random() ** 2 * most);
  const notBillable: Receipt = {
    lines: [],
    total: 0n,
    status: 'not_billable',
    basis: 'none',
    catalogue: 'sha256:bench',
  };
  let [attempts, rows] = [0, 0];
  let paid = 0n;
  let inFlight: (() => void)[] = [];
  while (rows < most) {
    sql.begin();
    const ending = inFlight;
    inFlight = [];
    for (let turn = 0; turn < 64 && rows < most; turn++) {
      const at = from + Math.floor((rows / most) * month);
      const [modality, provider, model] = shares[Math.floor(random() * shares.length)]!;
      const id = newId('gen_', at);
      const keyId = `key_${pick(40)}`;
      const about = {
        project: `project ${Number(keyId.slice(4)) % 12}`,
        endUser: `user_${pick(50_000).toString(16).padStart(32, '0')}`,
        ...(random() < 0.3 ? { workflow: `flow ${Math.floor(attempts / 7)}` } : {}),
        tags: {
          team: `team ${pick(20)}`,
          env: random() < 0.9 ? 'prod' : 'test',
          ...(random() < 0.02 ? { job: id } : {}),
        },
      };
      const plain = modality === 'text' || modality === 'embedding';
      const generation = { id, keyId, modality, model: `${provider}/${model}`, simulated: random() < 0.05, at, plain };
      const { simulated } = generation;
      const attempt = { generationId: id, keyId, modality, provider, simulated, at, ...about };
      let number = 1;
      if (random() < 0.03) {
        book.begin(generation, { ...attempt, id: `${id}.1`, model: `${model}-old` });
        book.settle({
          attemptId: `${id}.1`,
          at: at + 900,
          outcome: 'provider_overloaded',
          receipt: notBillable,
          charge: 0n,
        });
        number = 2;
        attempts++;
      }
      book.begin(number === 1 ? generation : undefined, { ...attempt, id: `${id}.${number}`, model });
      attempts++;
      const { receipt, units } = receiptOf(modality, random);
      rows += receipt.lines.length;
      paid += receipt.total ?? 0n;
      const charge = receipt.total === undefined ? undefined : receipt.total + receipt.total / 5n;
      const settle = () =>
        book.settle(
          { attemptId: `${id}.${number}`, at: at + 4_000, outcome: 'succeeded', receipt, charge, units },
          plain ? undefined : { id, status: 'completed', at: at + 4_000, units },
        );
      inFlight.push(settle);
    }
    for (const settle of ending) settle();
    sql.commit();
  }
  sql.begin();
  for (const settle of inFlight) settle();
  sql.commit();
  return { attempts, rows, paid };
}

/** The keys that all of it is written under. */
export function keys(book: Book): void {
  for (let key = 0; key < 40; key++) {
    const id = `key_${key}`;
    book.createKey({ id, hash: id, name: `app ${key}`, hint: '', scopes: ['generate'], at: start });
  }
}
