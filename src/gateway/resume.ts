import type { Reading } from './crossed.ts';
import { type Journey, type Leg, travel } from './journey.ts';
import type { Seam } from './seam.ts';

/**
 * Lets a stream that breaks off be gone on with by another model, where what it has said so far can be. What is said of that goes into
 * the stream as a comment.
 * @param open asks the next model.
 * @param form what form the answer was asked for: half a JSON text cannot be gone on with.
 */
export function resumable(
  journey: Journey,
  first: Leg,
  reading: Reading,
  seam: Seam,
  open: (leg: Leg) => Promise<Reading>,
  form: () => string | undefined,
): void {
  const notes = reading.notes ?? [];
  reading.notes = notes;
  reading.seam = seam;
  const isFree = () => (seam.text === '' ? true : (form() ?? 'text') === 'text');
  const mayRestart = () => !reading.left && !reading.several && seam.mayResume && isFree();
  journey.streaming(first, mayRestart);
  reading.resume = async () => {
    const { move } = journey;
    if (!move) return false;
    const before = reading.attempt.model.id;
    const leg = journey.leg(move.model, move.retry);
    let current = leg;
    try {
      await journey.pause(move);
    } catch (thrown) {
      await journey.strand(thrown);
      throw thrown;
    }
    const next = await travel(
      journey,
      (one) => {
        current = one;
        return open(one);
      },
      leg,
    );
    const { notes: _, seam: __, ...rest } = next;
    Object.assign(reading, rest);
    journey.streaming(current, mayRestart);
    notes.push(`${before} broke off (${move.reason}); ${next.attempt.model.id} goes on`);
    if (reading.left) next.wire.abort();
    return true;
  };
}
