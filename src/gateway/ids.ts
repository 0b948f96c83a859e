const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
let pool = new Uint8Array(0);
let place = 0;

/** 128 bits as 26 letters: 48 of time, so that ids sort by creation and the book grows at its end, 80 random. */
export function newId(prefix: string, now: number): string {
  if (place + 10 > pool.length) {
    pool = crypto.getRandomValues(new Uint8Array(4000));
    place = 0;
  }
  let time = now;
  let text = '';
  for (let digit = 0; digit < 10; digit++) {
    text = alphabet[time % 32] + text;
    time = Math.floor(time / 32);
  }
  let bits = 0;
  let held = 0;
  for (let index = 0; index < 10; index++) {
    bits = (bits << 8) | pool[place++]!;
    held += 8;
    while (held >= 5) {
      held -= 5;
      text += alphabet[(bits >> held) & 31];
      bits &= (1 << held) - 1;
    }
  }
  return prefix + text;
}
