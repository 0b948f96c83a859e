import type { PicoUsd } from '../contract/index.ts';

/** Pico-dollars in one dollar. */
export const picoPerUsd = 1_000_000_000_000n;

export type Fraction = { top: bigint; bottom: bigint };

/** A decimal string (optionally with exponent) as an exact fraction. Throws on anything else. */
export function parseDecimal(text: string): Fraction {
  const match = /^(-?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text.trim());
  if (!match || (!match[2] && !match[3])) throw new RangeError(`Not a decimal number: "${text}"`);
  const digits = match[3] ?? '';
  const power = Number(match[4] ?? 0) - digits.length;
  const top = BigInt(`${match[1]}${match[2] ?? ''}${digits}`);
  return power >= 0 ? { top: top * 10n ** BigInt(power), bottom: 1n } : { top, bottom: 10n ** BigInt(-power) };
}

/** top / bottom to the nearest integer, ties to even. `bottom` is positive. */
export function divideHalfEven(top: bigint, bottom: bigint): bigint {
  if (top < 0n) return -divideHalfEven(-top, bottom);
  const floor = top / bottom;
  const twice = (top - floor * bottom) * 2n;
  if (twice < bottom) return floor;
  if (twice > bottom) return floor + 1n;
  return floor % 2n === 0n ? floor : floor + 1n;
}

/** Negative, 0 or positive, as in a sort. Both bottoms are positive. */
export function compare(one: Fraction, other: Fraction): number {
  const difference = one.top * other.bottom - other.top * one.bottom;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** Dollars as pico-dollars, half to even. */
export function picoOf(usd: Fraction): PicoUsd {
  return divideHalfEven(usd.top * picoPerUsd, usd.bottom);
}

/** A decimal string of dollars as pico-dollars, rounded half to even. */
export function parseUsd(text: string): PicoUsd {
  return picoOf(parseDecimal(text));
}

/** Pico-dollars as a plain decimal string of dollars: no exponent, no trailing zeros. */
export function writeUsd(pico: PicoUsd): string {
  return writeScaled(pico, 12);
}

/** An integer scaled by 10^-digits as a plain decimal string. */
export function writeScaled(value: bigint, digits: number): string {
  const sign = value < 0n ? '-' : '';
  const text = (value < 0n ? -value : value).toString().padStart(digits + 1, '0');
  const fraction = text.slice(text.length - digits).replace(/0+$/, '');
  return `${sign}${text.slice(0, text.length - digits)}${fraction ? `.${fraction}` : ''}`;
}

/** A number as the plain decimal it was written as: 1e-7 becomes "0.0000001". */
export function writeNumber(value: number): string {
  const text = String(value);
  if (!text.includes('e')) return text;
  const { top, bottom } = parseDecimal(text);
  return writeScaled(top, bottom.toString().length - 1);
}

/** A sum of decimals without the noise of its additions: nine decimals. A whole number stays what it is. */
export function roundedQuantity(quantity: number): number {
  return Number.isInteger(quantity) ? quantity : Math.round(quantity * 1e9) / 1e9;
}
