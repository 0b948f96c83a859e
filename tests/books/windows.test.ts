import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { windowAt, windows } from '../../src/books/windows.ts';

const span = (window: (typeof windows)[number], zone: string, at: string) => {
  const { start, end } = windowAt(window, zone, Date.parse(at));
  return [new Date(start).toISOString(), Number.isFinite(end) ? new Date(end).toISOString() : 'never'];
};

describe('windows of a budget', () => {
  it('begin at midnight of their own time zone', () => {
    expect(span('day', 'UTC', '2026-11-22T13:00:00Z')).toEqual([
      '2026-11-22T00:00:00.000Z',
      '2026-11-23T00:00:00.000Z',
    ]);
    expect(span('day', 'Asia/Tokyo', '2026-11-22T15:30:00Z')).toEqual([
      '2026-11-22T15:00:00.000Z',
      '2026-11-23T15:00:00.000Z',
    ]);
    expect(span('month', 'America/New_York', '2026-12-01T04:59:59Z')).toEqual([
      '2026-11-01T04:00:00.000Z',
      '2026-12-01T05:00:00.000Z',
    ]);
    expect(span('week', 'UTC', '2026-11-22T13:00:00Z')).toEqual([
      '2026-11-16T00:00:00.000Z',
      '2026-11-23T00:00:00.000Z',
    ]);
    expect(span('total', 'UTC', '2026-11-22T13:00:00Z')).toEqual(['1970-01-01T00:00:00.000Z', 'never']);
  });

  it('have 23 and 25 hours where the clocks change', () => {
    const hours = (at: string) => {
      const { start, end } = windowAt('day', 'Europe/Berlin', Date.parse(at));
      return (end - start) / 3_600_000;
    };
    expect(hours('2026-03-29T10:00:00Z')).toBe(23);
    expect(hours('2026-10-25T10:00:00Z')).toBe(25);
    expect(hours('2026-11-22T10:00:00Z')).toBe(24);
  });

  it('hold every moment in exactly one of them', () => {
    const zones = ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Asia/Kathmandu', 'Pacific/Auckland'];
    fc.assert(
      fc.property(
        fc.constantFrom(...windows),
        fc.constantFrom(...zones),
        fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2032, 0) }),
        (window, zone, at) => {
          const { start, end } = windowAt(window, zone, at);
          expect(start <= at && at < end).toBe(true);
          expect(windowAt(window, zone, start)).toEqual({ start, end });
          if (Number.isFinite(end)) expect(windowAt(window, zone, end).start).toBe(end);
        },
      ),
    );
  });

  it('refuse a zone that nobody knows', () => {
    expect(() => windowAt('day', 'Mars/Olympus', 0)).toThrow(RangeError);
  });
});
