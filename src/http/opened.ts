/**
 * Waits for the first piece of an answer, so that what fails before it is answered with a status of its own. A reader that leaves ends
 * the source.
 * @param last what is sent in place of the rest when it fails later; without it the answer breaks off.
 */
export async function opened<Piece>(
  pieces: AsyncGenerator<Piece, void, undefined>,
  last?: (thrown: unknown) => Piece,
): Promise<AsyncGenerator<Piece, void, undefined>> {
  const first = await pieces.next();
  async function* whole() {
    try {
      if (!first.done) yield first.value;
      yield* pieces;
    } catch (thrown) {
      if (!last) throw thrown;
      yield last(thrown);
    } finally {
      await pieces.return();
    }
  }
  return whole();
}
