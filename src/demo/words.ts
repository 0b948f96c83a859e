/** The words of a text as they are compared: lower case, no punctuation. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}’']+/gu) ?? [];
}

/** How many words of `said` are in `heard`, in the same order (the longest common subsequence). */
export function wordsHeard(said: string, heard: string): { heard: number; said: number } {
  const left = wordsOf(said);
  const right = wordsOf(heard);
  let row = new Array<number>(right.length + 1).fill(0);
  for (const word of left) {
    const next = [0];
    for (let place = 0; place < right.length; place++) {
      next.push(right[place] === word ? row[place]! + 1 : Math.max(row[place + 1]!, next[place]!));
    }
    row = next;
  }
  return { heard: row.at(-1)!, said: left.length };
}
