/** Dollars as a decimal string in units of 1e-12. */
export function pico(usd: string): bigint {
  const [whole = '0', digits = ''] = usd.split('.');
  return BigInt(whole + digits.padEnd(12, '0'));
}
