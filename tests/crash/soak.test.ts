import { describe, expect, it } from 'vitest';
import { type Soak, soak } from '../bench/soak.ts';

describe.skipIf(process.platform !== 'linux')('three seconds of load in front of vendors that fail', () => {
  it('leave a book that says of every request what its vendor says', { timeout: 60_000 }, async () => {
    const { ledger, beside }: Soak = await soak({ seconds: 3, rate: 300, faults: 0.05, seed: 'three', brief: true });
    expect(ledger.filter((check) => !check.holds)).toEqual([]);
    expect(ledger.length).toBeGreaterThan(10);
    const sum = (figure: 'sent' | 'answered' | 'refused' | 'left') =>
      Object.values(beside.counts).reduce((total, one) => total + one[figure], 0);
    // a slow machine sends less: what it sends must be answered all the same
    expect(sum('sent')).toBeGreaterThan(100);
    expect(sum('answered')).toBeGreaterThan(sum('sent') * 0.8);
    expect(sum('refused')).toBeGreaterThan(0);
    expect(sum('left')).toBeGreaterThan(0);
  });
});
