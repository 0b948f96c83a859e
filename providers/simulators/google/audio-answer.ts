import { at, isObject, type Json, stringAt } from '../../../src/contract/index.ts';
import { toBase64 } from '../base64.ts';
import { mp3, speechPcm } from '../media/index.ts';
import { random } from '../seed.ts';
import { textOf } from './contents.ts';
import { invalid } from './errors.ts';
import type { MadeCandidate } from './made.ts';
import type { GenerateBody } from './request.ts';

const sampleRate = 24_000;
const tokensPerSecond = 25;

/** https://ai.google.dev/gemini-api/docs/speech-generation */
const voices =
  'Zephyr Puck Charon Kore Fenrir Leda Orus Aoede Callirrhoe Autonoe Enceladus Iapetus Umbriel Algieba Despina Erinome Algenib Rasalgethi Laomedeia Achernar Alnilam Schedar Gacrux Pulcherrima Achird Zubenelgenubi Vindemiatrix Sadachbia Sadaltager Sulafat'.split(
    ' ',
  );

/** Speech as raw 16-bit PCM at 24 kHz, in which the words can be found again. */
export function makeSpeech(body: GenerateBody, seed: string): MadeCandidate {
  const config = body.generationConfig?.speechConfig;
  const one = at(config, 'voiceConfig');
  const many = at(config, 'multiSpeakerVoiceConfig', 'speakerVoiceConfigs');
  if (one !== undefined && many !== undefined)
    throw invalid('Only one of voice_config and multi_speaker_voice_config may be set.');
  const speakers = Array.isArray(many) ? many : undefined;
  if (speakers && speakers.length !== 2)
    throw invalid('multi_speaker_voice_config must have exactly 2 speaker_voice_configs.');
  const names = speakers?.map((speaker) => {
    const name = stringAt(speaker, 'speaker');
    if (!name) throw invalid('speaker_voice_configs.speaker must be set.');
    return name;
  });
  const chosen = (speakers?.map((speaker) => at(speaker, 'voiceConfig')) ?? [one]).map(readVoice);
  const text = spokenText(textOf(body.contents?.at(-1)), names);
  if (!text) throw invalid('The prompt has no text to speak.');

  const pcm = speechPcm({ text, sampleRate, seed: `${seed}|${chosen.join('|')}` });
  const bytes = new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength);
  const part = (slice: Uint8Array) => ({
    inlineData: { mimeType: `audio/L16;codec=pcm;rate=${sampleRate}`, data: toBase64(slice) },
  });
  const tokensOf = (length: number) => Math.ceil((length / 2 / sampleRate) * tokensPerSecond);
  const second = sampleRate * 2;
  const steps = Array.from({ length: Math.ceil(bytes.length / second) }, (_, index) => {
    const end = Math.min(bytes.length, (index + 1) * second);
    return { part: part(bytes.subarray(index * second, end)), tokens: tokensOf(end) };
  });
  return {
    parts: [{ part: part(bytes), modality: 'AUDIO', tokens: tokensOf(bytes.length), steps }],
    finishReason: 'STOP',
  };
}

function readVoice(config: Json | undefined): string {
  const name = stringAt(config, 'prebuiltVoiceConfig', 'voiceName');
  if (name === undefined && !isObject(config)) return 'Kore';
  const known = voices.find((voice) => voice.toLowerCase() === name?.toLowerCase());
  if (!known)
    throw invalid(
      `Voice name ${name ?? ''} is not supported. Allowed voice names are: ${voices.map((voice) => voice.toLowerCase()).join(', ')}`,
    );
  return known;
}

/** The prompt without its stage directions (`Say cheerfully: …`) and names of speakers. */
function spokenText(prompt: string, names: string[] | undefined): string {
  const words = prompt.replace(/^\s*(?:say|speak|read|tts|narrate)\b[^:\n]{0,200}:\s*/i, '');
  if (!names) return words.trim();
  const lines = words.split('\n').map((line) => {
    const name = names.find((one) => line.trimStart().startsWith(`${one}:`));
    return name
      ? line
          .trimStart()
          .slice(name.length + 1)
          .trim()
      : line.trim();
  });
  return lines.filter(Boolean).join(' ');
}

/** A song as MP3 at 44.1 kHz, and its lyrics. Its length is the prompt's, at most 184 seconds; a clip lasts 30. */
export function makeMusic(body: GenerateBody, model: string, seed: string): MadeCandidate {
  const prompt = textOf(body.contents?.at(-1));
  const seconds = model.includes('clip') ? 30 : Math.min(184, askedSeconds(prompt) ?? 150);
  const lyrics = writeLyrics(prompt, seed);
  const data = toBase64(mp3({ seconds, sampleRate: 44_100, text: lyrics, seed: `${seed}|${model}|${prompt}` }));
  return {
    parts: [
      { part: { text: lyrics }, modality: 'TEXT', tokens: 0 },
      { part: { inlineData: { mimeType: 'audio/mpeg', data } }, modality: 'AUDIO', tokens: 0, song: true },
    ],
    finishReason: 'STOP',
  };
}

function askedSeconds(prompt: string): number | undefined {
  const found = /(\d+(?:\.\d+)?)[\s-]*(minutes?|min|seconds?|secs?|s)\b/i.exec(prompt);
  if (!found) return undefined;
  const seconds = Number(found[1]) * (found[2]?.toLowerCase().startsWith('m') ? 60 : 1);
  return seconds >= 1 ? seconds : undefined;
}

const lines = ['we follow the light', 'the river keeps time', 'hold on to the morning', 'and the city hums low'];

function writeLyrics(prompt: string, seed: string): string {
  if (/instrumental|no (?:vocals|lyrics)/i.test(prompt)) return '[Instrumental]';
  const dice = random(`${seed}|lyrics|${prompt}`);
  const verse = () => [lines[dice.below(lines.length)], lines[dice.below(lines.length)]].join('\n');
  return `[Verse]\n${verse()}\n\n[Chorus]\n${verse()}`;
}
