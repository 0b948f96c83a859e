import { at, type Call, stringAt } from '../../src/contract/index.ts';
import { refuse } from '../shared/params.ts';

/** The voices that every account has, by name. https://elevenlabs.io/docs/eleven-creative/voices/default-voices */
const known: Record<string, string> = {
  adam: 'pNInz6obpgDQGcFmaJgB',
  alice: 'Xb7hH8MSUJpSbSDYk0k2',
  antoni: 'ErXwobaYiN019PkySvjV',
  aria: '9BWtsMINqrJLrRacOk9x',
  arnold: 'VR6AewLTigWG4xSOukaG',
  bill: 'pqHfZKP75CvOlQylNhV4',
  brian: 'nPczCjzI2devNBz1zQrb',
  callum: 'N2lVS1w4EtoT3dr4eOWO',
  charlie: 'IKne3meq5aSn9XLyUdCD',
  charlotte: 'XB0fDUnXU5powFXDhCwa',
  chris: 'iP95p4xoKVk53GoZ742B',
  daniel: 'onwK4e9ZLuTAKqWW03F9',
  domi: 'AZnzlk1XvdvUeBnXmlld',
  elli: 'MF3mGyEYCl7XYWbV9V6O',
  eric: 'cjVigY5qzO86Huf0OWal',
  george: 'JBFqnCBsd6RMkjVDRZzb',
  jessica: 'cgSgspJ2msm6clMCkdW9',
  josh: 'TxGEqnHWrfWFTfGW9XjX',
  laura: 'FGY2WhTYpPnrIDTdsKH5',
  liam: 'TX3LPaxmHKxFdv7VOQHJ',
  lily: 'pFZP5JQG7iQjIQuC4Bku',
  matilda: 'XrExE9yKIg1WjnnlVkGX',
  rachel: '21m00Tcm4TlvDq8ikWAM',
  river: 'SAz9YHcvj6GT2YYXdXww',
  roger: 'CwhRBWXzGAHq8TQ4Fs17',
  sam: 'yoZ06aMxZJJ28mfd3POQ',
  sarah: 'EXAVITQu4vr4xnSDxMaL',
  will: 'bIHbv24MWmeRgasZH58o',
};

/**
 * The id of a voice: by a name of the row's `options.voices`, by the name of a voice that every account has, else the id itself.
 * An id becomes part of a path, so nothing but letters and digits is one. Without a voice: the row's `options.voice`, else George.
 */
export function voiceId(voice: string | undefined, call: Pick<Call, 'options'>): string {
  const wanted = voice ?? stringAt(call.options, 'voice') ?? 'george';
  const own = at(call.options, 'voices', wanted);
  const name = wanted.trim().toLowerCase();
  const id = typeof own === 'string' ? own : ((Object.hasOwn(known, name) ? known[name] : undefined) ?? wanted.trim());
  if (/^[A-Za-z0-9]{16,40}$/.test(id)) return id;
  const names = Object.keys(known).map((each) => each.replace(/^./, (letter) => letter.toUpperCase()));
  throw refuse('voice', `ElevenLabs has no voice called "${wanted.slice(0, 100)}"; use a voice id or a name.`, names);
}
