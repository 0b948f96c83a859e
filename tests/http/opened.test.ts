import { expect, it } from 'vitest';
import { opened } from '../../src/http/opened.ts';
import { streamFrom } from '../../src/runtime/wire.ts';

/** Counts for ever; tells whether it was ended. */
function counting() {
  const source = { ended: false, pieces: count() };
  async function* count(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (let number = 0; ; number++) yield Uint8Array.of(number);
    } finally {
      source.ended = true;
    }
  }
  return source;
}

it.each([0, 1, 2, 5])('a reader that leaves after %i pieces ends the source', async (count) => {
  const source = counting();
  const reader = streamFrom(await opened(source.pieces)).getReader();
  for (let place = 0; place < count; place++)
    expect(await reader.read()).toMatchObject({ value: Uint8Array.of(place) });
  // The next one is made ready before it is asked for.
  await new Promise((resolve) => setTimeout(resolve));
  expect(source.ended).toBe(false);
  await reader.cancel();
  expect(source.ended).toBe(true);
});

it('what fails before the first piece is thrown; what fails later ends with the last one', async () => {
  async function* failing(after: number): AsyncGenerator<string, void, undefined> {
    for (let place = 0; place < after; place++) yield `piece ${place}`;
    throw new Error('broken');
  }
  await expect(opened(failing(0), String)).rejects.toThrow('broken');
  const pieces: string[] = [];
  for await (const piece of await opened(failing(2), String)) pieces.push(piece);
  expect(pieces).toEqual(['piece 0', 'piece 1', 'Error: broken']);
  const bare = await opened(failing(1));
  expect(await bare.next()).toMatchObject({ value: 'piece 0' });
  await expect(bare.next()).rejects.toThrow('broken');
});
