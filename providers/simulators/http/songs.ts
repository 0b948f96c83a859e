import { mp3, mp3Seconds, png } from '../media/index.ts';
import { hash32 } from '../seed.ts';
import type { TaskFault } from '../tasks.ts';
import type { Files } from './wire.ts';

export type Song = { id: string; path: string; seconds: number };

/** Two songs for one task, as both vendors make them; none where the task is to come out empty. */
export function makeSongs(files: Files, task: string, prompt: string, fault: TaskFault | undefined): Song[] {
  const count = fault === 'empty' ? 0 : 2;
  return Array.from({ length: count }, (_, index) => {
    const seconds = mp3Seconds(10 + (hash32(`${prompt}|${index}`) % 10));
    const name = `${task}-${index}.mp3`;
    const make = () =>
      fault === 'wrong-type'
        ? png({ width: 8, height: 8, seed: prompt })
        : mp3({ seconds, seed: `${prompt}|${index}` });
    if (fault !== 'expired') files.add(name, 'audio/mpeg', make);
    return { id: `${task}-${index}`, path: `/files/${name}`, seconds };
  });
}
