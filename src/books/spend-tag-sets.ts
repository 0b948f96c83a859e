import type { PassingNames } from './rollup-names.ts';
import type { CodesOf, Level } from './spend-codes.ts';
import { Pairs } from './spend-pairs.ts';

/**
 * All tags of a row as one code: the first, the first with the second, and so on.
 * @param only names of tags that count; absent for all.
 */
export function tagSets(names: PassingNames, only: readonly string[] | undefined): Level {
  const sets = new Pairs();
  const none = sets.indexOf(0, 0);
  const isWanted = only === undefined ? () => true : namedTags(names, only);
  const text = (code: number): string => {
    const tags: string[] = [];
    for (let set = code; set !== none; ) {
      tags.unshift(names.text('tag', sets.second[set]!));
      set = sets.first[set]!;
    }
    return JSON.stringify(tags.sort());
  };
  const codesOf: CodesOf = ({ rows, codes: { tagCount, tag } }, room) => {
    room.fill(none, 0, rows);
    let place = 0;
    for (let row = 0; tagCount && tag && row < rows; row++) {
      for (const end = place + tagCount[row]!; place < end; place++) {
        if (isWanted(tag[place]!)) room[row] = sets.indexOf(room[row]!, tag[place]!);
      }
    }
    return room;
  };
  return { name: 'tags', codesOf, text };
}

/** Which tags have one of some names. */
function namedTags(names: PassingNames, only: readonly string[]): (tag: number) => boolean {
  const { known, last } = names.tagsNamed(only);
  const isNamed = (tag: number) => only.includes(names.text('tag', tag).split('=')[0] ?? '');
  return (tag) => (tag <= last ? known.has(tag) : isNamed(tag));
}
