/** `value` for one unit as a price for `10^power` units: exact in the digits that the number was written with. */
export function shifted(value: number, power: number): string {
  const [mantissa = '0', exponent = '0'] = String(value).split('e');
  const [whole = '0', fraction = ''] = mantissa.split('.');
  const places = fraction.length - Number(exponent) - power;
  const digits = (whole + fraction).replace(/^0+(?=\d)/, '');
  if (places <= 0) return digits === '0' ? '0' : digits + '0'.repeat(-places);
  const padded = digits.padStart(places + 1, '0');
  const rest = padded.slice(-places).replace(/0+$/, '');
  return padded.slice(0, -places) + (rest ? `.${rest}` : '');
}
