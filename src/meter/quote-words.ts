/** Width and height of a size such as "1920x1080"; undefined where it names none. */
export function sidesOf(size: string | undefined): [width: number, height: number] | undefined {
  const [, width, height] = /^(\d+)x(\d+)$/.exec(size ?? '') ?? [];
  return width && height ? [Number(width), Number(height)] : undefined;
}

/** What is asked for by a word; "auto" asks for nothing. */
export function wordOf(word: string | undefined): string | undefined {
  return word === undefined || word === 'auto' ? undefined : word.toLowerCase();
}
