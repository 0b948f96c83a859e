import type { PassingNames } from './rollup-names.ts';
import type { CodesOf, Level } from './spend-codes.ts';
import { Pairs } from './spend-pairs.ts';

/**
 * All tags of a row as one code: the first, the first with the second, and so on.
 * @param only names of tags that count; absent for all.
 */
export function tagSets(
  names: PassingNames,
  only: readonly string[] | undefined,
): Level & { tagsOf(code: number): number[] } {
  const sets = new Pairs();
  const none = sets.indexOf(0, 0);
  const isWanted = only === undefined ? undefined : namedTags(names, only);
  const tagsOf = (code: number): number[] => {
    const tags: number[] = [];
    for (let set = code; set !== none; set = sets.first[set]!) tags.unshift(sets.second[set]!);
    return tags;
  };
  const text = (code: number): string =>
    JSON.stringify(
      tagsOf(code)
        .map((tag) => names.text('tag', tag))
        .sort(),
    );
  const codesOf: CodesOf = ({ rows, codes: { tagCount, tag } }, room) => {
    if (!tagCount || !tag) return room.fill(none, 0, rows);
    let place = 0;
    for (let row = 0; row < rows; row++) {
      let set = none;
      for (const end = place + tagCount[row]!; place < end; place++) {
        if (isWanted === undefined || isWanted(tag[place]!)) set = sets.indexOf(set, tag[place]!);
      }
      room[row] = set;
    }
    return room;
  };
  return { name: 'tags', codesOf, text, tagsOf };
}

/** Which tags have one of some names. */
function namedTags(names: PassingNames, only: readonly string[]): (tag: number) => boolean {
  const { known, last } = names.tagsNamed(only);
  const isNamed = (tag: number) => only.includes(names.text('tag', tag).split('=')[0] ?? '');
  return (tag) => (tag <= last ? known.has(tag) : isNamed(tag));
}
