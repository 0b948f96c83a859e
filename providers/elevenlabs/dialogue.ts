import type { Call, SpeechRequest } from '../../src/contract/index.ts';
import { refuse } from '../shared/params.ts';
import { voiceId } from './voices.ts';

export type Line = { text: string; voice_id: string };

/**
 * The lines of a text such as "Anna: Hello.\nBert: Hi." with each speaker's voice. A line without a speaker belongs to the one before
 * it, at the start to the first speaker named. Throws unsupported_parameter where nothing is said.
 */
export function readLines(
  { text, voices = [] }: Pick<SpeechRequest, 'text' | 'voices'>,
  call: Pick<Call, 'options'>,
): Line[] {
  const ids = new Map(voices.map(({ speaker, voice }) => [speaker.trim().toLowerCase(), voiceId(voice, call)]));
  const lines: Line[] = [];
  let speaking = [...ids.values()][0] ?? voiceId(undefined, call);
  for (const row of text.split('\n')) {
    const [, name = '', words = ''] = /^\s*([^:]{1,80}):(.*)$/.exec(row) ?? [];
    const found = ids.get(name.trim().toLowerCase());
    const said = (found ? words : row).trim();
    const last = lines.at(-1);
    if (found) speaking = found;
    if (said === '') continue;
    if (!found && last) last.text += `\n${said}`;
    else lines.push({ text: said, voice_id: speaking });
  }
  if (lines.length === 0) throw refuse('text', 'Nobody says anything: write lines such as "Name: words".');
  return lines;
}
