import { describe, expect, it } from 'vitest';
import type { BookClient } from '../../src/books/index.ts';
import { signerOf, tenantOfAsset } from '../../src/gateway/sign.ts';

/** The one thing of a book that signing needs. */
function bookWith(secret?: string): BookClient {
  let stored = secret;
  return { setting: async (_: string, value: string) => (stored ??= value) } as unknown as BookClient;
}

const id = 'asset_main_01m80ppwc5my0t2dm49hp0022w';
const now = 1_795_305_600_000;
const partsOf = (path: string) => {
  const url = new URL(path, 'http://own.invalid');
  return [url.searchParams.get('e'), url.searchParams.get('s')] as const;
};

describe('signed links', () => {
  it('work until they expire', async () => {
    const signer = signerOf(bookWith());
    const [expires, signature] = partsOf(await signer.sign(id, now + 60_000));
    expect(await signer.verify(id, expires, signature, now)).toBe(true);
    expect(await signer.verify(id, expires, signature, now + 60_000)).toBe(true);
    expect(await signer.verify(id, expires, signature, now + 60_001)).toBe(false);
  });

  it('hold for their asset, their time and their tenant only', async () => {
    const signer = signerOf(bookWith());
    const [expires, signature] = partsOf(await signer.sign(id, now + 60_000));
    expect(await signer.verify(id.replace('main', 'mine'), expires, signature, now)).toBe(false);
    expect(await signer.verify(id, String(Number(expires) + 1), signature, now)).toBe(false);
    expect(await signer.verify(id, `0${expires}`, signature, now)).toBe(false);
    expect(await signerOf(bookWith()).verify(id, expires, signature, now)).toBe(false);
    for (let place = 0; place < 64; place += 9) {
      const other = signature![place] === 'a' ? 'b' : 'a';
      const forged = signature!.slice(0, place) + other + signature!.slice(place + 1);
      expect(await signer.verify(id, expires, forged, now)).toBe(false);
    }
  });

  it('are refused when anything is missing or misshapen', async () => {
    const signer = signerOf(bookWith());
    const [expires, signature] = partsOf(await signer.sign(id, now + 60_000));
    for (const [e, s] of [
      [null, signature],
      [expires, null],
      ['', signature],
      [expires, ''],
      [expires, signature!.toUpperCase()],
      [expires, `${signature}00`],
      ['1e12', signature],
      ['-1', signature],
      [expires, 'zz'.repeat(32)],
    ] as const) {
      expect(await signer.verify(id, e, s, now), `${e} ${s}`).toBe(false);
    }
  });

  it('stay good over a restart: the secret is in the book', async () => {
    const [expires, signature] = partsOf(await signerOf(bookWith('kept')).sign(id, now + 1000));
    expect(await signerOf(bookWith('kept')).verify(id, expires, signature, now)).toBe(true);
  });

  it('name their tenant', () => {
    expect(tenantOfAsset(id)).toBe('main');
    for (const wrong of [
      'asset_main_x',
      'asset__01m80ppwc5my0t2dm49hp0022w',
      `${id}/..`,
      `../${id}`,
      'gen_main_01m80ppwc5my0t2dm49hp0022w',
    ]) {
      expect(tenantOfAsset(wrong), wrong).toBeUndefined();
    }
  });
});
