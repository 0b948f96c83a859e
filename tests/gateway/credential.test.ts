import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hintOf, makeKey, readKey } from '../../src/gateway/credential.ts';
import { hexDigest } from '../../src/gateway/digest.ts';

describe('credentials', () => {
  it('makes keys that it can read, and never the same twice', () => {
    const keys = Array.from({ length: 200 }, () => makeKey('live', 'main'));
    expect(new Set(keys).size).toBe(200);
    for (const key of keys) {
      expect(key).toMatch(/^atl_live_main_[0-9A-Za-z]{43}_[0-9a-f]{8}$/);
      expect(readKey(key)).toEqual({ kind: 'live', tenant: 'main' });
    }
    expect(readKey(makeKey('admin', 'house-7'))).toEqual({ kind: 'admin', tenant: 'house-7' });
  });

  it('uses all letters evenly enough', () => {
    const letters = Array.from({ length: 300 }, () => makeKey('live', 'a').slice(11, 54)).join('');
    const counts = new Map<string, number>();
    for (const letter of letters) counts.set(letter, (counts.get(letter) ?? 0) + 1);
    expect(counts.size).toBe(62);
    // 208 of each are expected; a fifth of that either way would be seven standard deviations off.
    for (const [letter, count] of counts) expect(count, letter).toBeGreaterThan(100);
  });

  it('sees every single mistyped character', () => {
    const key = makeKey('live', 'main');
    fc.assert(
      fc.property(fc.nat(key.length - 1), fc.constantFrom(...'0123456789abcdefghijkXYZ_-'), (place, letter) => {
        fc.pre(key[place] !== letter);
        expect(readKey(key.slice(0, place) + letter + key.slice(place + 1))).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  it('refuses what only looks like a key', () => {
    const key = makeKey('live', 'main');
    for (const text of [
      '',
      'atl_live_main',
      `${key} `,
      ` ${key}`,
      `${key}\n`,
      key.toUpperCase(),
      key.slice(0, -1),
      `x${key}`,
    ]) {
      expect(readKey(text), JSON.stringify(text)).toBeUndefined();
    }
    for (const tenant of ['../main', 'Main', '', 'a'.repeat(41), 'a b', 'a/b']) {
      expect(readKey(makeKey('live', tenant)), tenant).toBeUndefined();
    }
  });

  it('shows no more of a key than tells it apart', () => {
    const key = makeKey('live', 'main');
    const hint = hintOf(key);
    expect(hint).toMatch(/^atl_live_main_….{4}$/);
    expect(key).toContain(hint.slice(-4));
  });

  it('digests as SHA-256 does', async () => {
    expect(await hexDigest('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(await hexDigest('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(await hexDigest(new Uint8Array([97, 98, 99]))).toBe(await hexDigest('abc'));
  });
});
