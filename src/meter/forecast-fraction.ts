import { divideHalfEven, type Fraction, parseDecimal, picoPerUsd, writeScaled } from './money.ts';

/** A decimal number or text as an exact fraction. */
export function exact(value: number | string): Fraction {
  return parseDecimal(String(value));
}

export const whole = (value: bigint | number): Fraction => ({ top: BigInt(value), bottom: 1n });
export const nothing: Fraction = whole(0);

export function plus(one: Fraction, other: Fraction): Fraction {
  return { top: one.top * other.bottom + other.top * one.bottom, bottom: one.bottom * other.bottom };
}

export function minus(one: Fraction, other: Fraction): Fraction {
  return plus(one, { top: -other.top, bottom: other.bottom });
}

export function times(one: Fraction, other: Fraction): Fraction {
  return { top: one.top * other.top, bottom: one.bottom * other.bottom };
}

/** Throws RangeError where the divisor is not positive. */
export function over(one: Fraction, other: Fraction): Fraction {
  if (other.top <= 0n) throw new RangeError('Only a positive number divides.');
  return { top: one.top * other.bottom, bottom: one.bottom * other.top };
}

export function floor({ top, bottom }: Fraction): bigint {
  const quotient = top / bottom;
  return top < 0n && quotient * bottom !== top ? quotient - 1n : quotient;
}

export function ceiling(value: Fraction): bigint {
  return -floor({ top: -value.top, bottom: value.bottom });
}

/** Pico-dollars as dollars. */
export const usdOf = (pico: bigint): Fraction => ({ top: pico, bottom: picoPerUsd });

/** The value as decimal text, rounded half to even at so many digits. */
export function decimalOf(value: Fraction, digits = 6): string {
  return writeScaled(divideHalfEven(value.top * 10n ** BigInt(digits), value.bottom), digits);
}

/** A count as the nearest JS number of twelve decimals. */
export function numberOf(value: Fraction): number {
  return Number(decimalOf(value, 12));
}

/** A count as it is shown: six decimals. */
export function shown(count: number): number {
  return Number(decimalOf(exact(count)));
}

/** The product of two counts as it is written by hand: 3.008 × 10 is 30.08. */
export function product(one: number, other: number): number {
  return numberOf(times(exact(one), exact(other)));
}
