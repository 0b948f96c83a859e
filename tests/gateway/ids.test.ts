import { describe, expect, it } from 'vitest';
import { newId } from '../../src/gateway/ids.ts';

/** The first ten letters are the time, most significant first. */
function timeOfId(id: string): number {
  const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
  let time = 0;
  for (const letter of id.slice(id.indexOf('_') + 1).slice(0, 10)) time = time * 32 + alphabet.indexOf(letter);
  return time;
}

describe('ids', () => {
  it('are 26 letters behind their prefix, and never repeat', () => {
    const ids = Array.from({ length: 20_000 }, () => newId('gen_', 1_795_305_600_000));
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids.slice(0, 500)) expect(id).toMatch(/^gen_[0-9a-hjkmnp-tv-z]{26}$/);
  });

  it('sort by time', () => {
    const times = [0, 1, 31, 32, 1_795_305_600_000, 1_795_305_600_001, 1_900_000_000_000, 2 ** 47];
    const ids = times.map((time) => newId('x_', time));
    expect([...ids].sort()).toEqual(ids);
  });

  it('tell when they were made', () => {
    for (const time of [0, 1, 1_795_305_600_123, 2 ** 48 - 1]) expect(timeOfId(newId('gen_', time))).toBe(time);
  });

  it('have random tails that use every letter in every place', () => {
    const tails = Array.from({ length: 2_000 }, () => newId('', 0).slice(10));
    for (let place = 0; place < 16; place++) expect(new Set(tails.map((tail) => tail[place])).size).toBe(32);
  });
});
