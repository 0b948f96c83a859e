import type { Dims, Meter, Price } from '../../src/contract/index.ts';

/** One thing the vendor would put on its invoice. */
export type Charge = { meter: Meter; quantity: number; dims?: Dims; model?: string };

/** A billed call. `client` is the caller's x-client-request-id; `id` the vendor's own id. */
export type BilledCall = { client?: string; id: string; model: string; at: number; charges: Charge[]; usd?: string };

const pico = 1_000_000_000_000n;

/** A decimal string as an exact fraction. */
function fraction(decimal: string): { top: bigint; bottom: bigint } {
  const [mantissa = '0', exponent = '0'] = decimal.toLowerCase().split('e');
  const [whole = '0', digits = ''] = mantissa.split('.');
  const power = Number(exponent) - digits.length;
  const top = BigInt(whole + digits);
  return power >= 0 ? { top: top * 10n ** BigInt(power), bottom: 1n } : { top, bottom: 10n ** BigInt(-power) };
}

function roundHalfEven(top: bigint, bottom: bigint): bigint {
  const floor = top / bottom;
  const twice = (top % bottom) * 2n;
  if (twice < bottom) return floor;
  if (twice > bottom) return floor + 1n;
  return floor % 2n === 0n ? floor : floor + 1n;
}

/**
 * The vendor's own invoice: written by the simulator from what it delivered, never from what a client says.
 * Deliberately shares no code with the gateway's meter, so that the two can be held against each other.
 */
export class Bill {
  readonly calls: BilledCall[] = [];
  private readonly provider: string;
  private readonly prices: Price[];
  private readonly peakUtc: readonly string[];

  /** @param peakUtc hours of weekdays ("HH:MM-HH:MM", UTC) outside of which the vendor has another price; empty where it has one price. */
  constructor(provider: string, prices: Price[], peakUtc: readonly string[] = []) {
    this.provider = provider;
    this.prices = prices.filter((price) => price.provider === provider);
    this.peakUtc = peakUtc;
  }

  /** Adds a call; returns it. A call billed later (a job, a stream) may still push to `charges`. */
  add(call: BilledCall): BilledCall {
    this.calls.push(call);
    return call;
  }

  /** What became of the call with this x-client-request-id. */
  find(client: string): BilledCall | undefined {
    return this.calls.find((call) => call.client === client);
  }

  /** Price of one charge in pico-dollars; undefined where the price list has none. */
  priceOf(charge: Charge, model: string, at: number, inputTokens = 0): bigint | undefined {
    const day = new Date(at).toISOString().slice(0, 10);
    const dims: Dims = this.isOffPeak(at) ? { ...charge.dims, hours: 'off_peak' } : { ...charge.dims };
    const candidates = this.prices.filter(
      (price) =>
        price.model === (charge.model ?? model) &&
        price.meter === charge.meter &&
        (!price.from || price.from <= day) &&
        (!price.until || day < price.until) &&
        (price.contextOver === undefined || inputTokens > price.contextOver) &&
        Object.entries(price.dims ?? {}).every(([name, value]) => dims[name] === value),
    );
    const weight = (price: Price) =>
      Object.keys(price.dims ?? {}).length * 2 + (price.contextOver === undefined ? 0 : 1);
    const best = candidates.sort((one, other) => weight(other) - weight(one))[0];
    if (!best) return undefined;
    const price = fraction(best.price);
    const quantity = fraction(String(charge.quantity));
    const per = fraction(best.per);
    return roundHalfEven(price.top * quantity.top * per.bottom * pico, price.bottom * quantity.bottom * per.top);
  }

  private isOffPeak(at: number): boolean {
    if (this.peakUtc.length === 0) return false;
    const date = new Date(at);
    const minutes = date.getUTCHours() * 60 + date.getUTCMinutes();
    const inside = this.peakUtc.some((window) => {
      const [from = 0, until = 0] = window.split('-').map((clock) => {
        const [hour = 0, minute = 0] = clock.split(':').map(Number);
        return hour * 60 + minute;
      });
      return from <= minutes && minutes < until;
    });
    return date.getUTCDay() % 6 === 0 || !inside;
  }

  /** Total of one call; unpriced charges count nothing and are told apart by `unpriced`. */
  totalOf(call: BilledCall): { pico: bigint; unpriced: number } {
    let sum = 0n;
    let unpriced = 0;
    const inputTokens = call.charges
      .filter((charge) => /^(input_.*|cached_.*|cache_write.*)tokens$/.test(charge.meter))
      .reduce((tokens, charge) => tokens + charge.quantity, 0);
    for (const charge of call.charges) {
      const amount = this.priceOf(charge, call.model, call.at, inputTokens);
      if (amount === undefined) unpriced++;
      else sum += amount;
    }
    return { pico: sum, unpriced };
  }

  /** The invoice as JSON: every call with its charges and amount, and the sum. Amounts are pico-dollar strings. */
  statement() {
    let total = 0n;
    let unpriced = 0;
    const calls = this.calls.map((call) => {
      const own = this.totalOf(call);
      total += own.pico;
      unpriced += own.unpriced;
      return { ...call, amount_pico: own.pico.toString(), unpriced: own.unpriced };
    });
    return { provider: this.provider, total_pico: total.toString(), unpriced, calls };
  }

  clear(): void {
    this.calls.length = 0;
  }
}
