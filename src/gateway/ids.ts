const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const letters = Array.from(alphabet, (letter) => letter.charCodeAt(0));
const timeLetters = 10;
const randomLetters = 16;
/** The letters of the id being made: those of its time stay for the next one. */
const made = new Array<number>(timeLetters + randomLetters).fill(0);
let madeAt = -1;
let pool = new Uint8Array(0);
let place = 0;

/** 128 bits as 26 letters: 48 of time, so that ids sort by creation and the book grows at its end, 80 random. */
export function newId(prefix: string, now: number): string {
  if (place + randomLetters > pool.length) {
    pool = crypto.getRandomValues(new Uint8Array(4096));
    place = 0;
  }
  if (now !== madeAt) {
    madeAt = now;
    for (let digit = timeLetters - 1, time = now; digit >= 0; digit--) {
      made[digit] = letters[time % 32]!;
      time = Math.floor(time / 32);
    }
  }
  for (let digit = timeLetters; digit < made.length; digit++) made[digit] = letters[pool[place++]! & 31]!;
  return prefix + String.fromCharCode.apply(undefined, made);
}
