/** True where a price holds on a day (YYYY-MM-DD): `from` is its first one, `until` the first without it. */
export function holdsOn({ from = '', until = '9999' }: { from?: string; until?: string }, day: string): boolean {
  return from <= day && day < until;
}
