export const windows = ['minute', 'hour', 'day', 'week', 'month', 'total', 'concurrent'] as const;
export type Window = (typeof windows)[number];

/** Start and end of a window in milliseconds since 1970; a window without an end has Infinity. */
export type Span = { start: number; end: number };

const minute = 60_000;
const whole: Span = { start: 0, end: Number.POSITIVE_INFINITY };

/**
 * The window that a moment falls in. Days, weeks (from Monday) and months begin at midnight of the time zone's own calendar,
 * so a day with a change of clocks has 23 or 25 hours.
 * @param zone an IANA name, e.g. "Europe/Berlin". Throws RangeError on an unknown one.
 */
export function windowAt(window: Window, zone: string, at: number): Span {
  switch (window) {
    case 'total':
    case 'concurrent':
      return whole;
    case 'minute':
      return { start: at - (at % minute), end: at - (at % minute) + minute };
    case 'hour':
      return { start: at - (at % (60 * minute)), end: at - (at % (60 * minute)) + 60 * minute };
    default: {
      const { year, month, day, weekday } = localDate(zone, at);
      if (window === 'month') return between(zone, [year, month, 1], [year, month + 1, 1]);
      const first = window === 'week' ? day - weekday : day;
      return between(zone, [year, month, first], [year, month, first + (window === 'week' ? 7 : 1)]);
    }
  }
}

type CalendarDay = [year: number, month: number, day: number];

function between(zone: string, from: CalendarDay, to: CalendarDay): Span {
  return { start: midnight(zone, from), end: midnight(zone, to) };
}

/** The moment a local day begins. */
function midnight(zone: string, [year, month, day]: CalendarDay): number {
  const wanted = Date.UTC(year, month - 1, day);
  let moment = wanted;
  // Twice: the first step may land on the other side of a change of clocks.
  for (let step = 0; step < 2; step++) moment = wanted - offsetAt(zone, moment);
  return moment;
}

/** Milliseconds that local time is ahead of UTC. */
function offsetAt(zone: string, at: number): number {
  const { year, month, day, hour, minute: minutes, second } = localDate(zone, at);
  return Date.UTC(year, month - 1, day, hour, minutes, second) - (at - (at % 1000));
}

const formats = new Map<string, Intl.DateTimeFormat>();

function localDate(zone: string, at: number) {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(zone, format);
  }
  const parts: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(at)) parts[type] = Number(value);
  const { year = 0, month = 0, day = 0, hour = 0, minute: minutes = 0, second = 0 } = parts;
  // Monday is 0.
  const weekday = (new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 6) % 7;
  return { year, month, day, hour, minute: minutes, second, weekday };
}
