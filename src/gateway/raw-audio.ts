import type { Probe } from '../meter/probe.ts';

/** Sound without a header: only its media type, or the format that was asked for, tells how to read it. */
export type RawAudio = { mediaType: string; rate: number; channels: number; bytesPerSample: number };

type Family = { name: string; types: RegExp; formats: RegExp; bytesPerSample: number; rate: number };

/** Rates where nothing tells them: what speech models make, and what telephones hear. */
const families: Family[] = [
  {
    name: 'audio/pcm',
    types: /^audio\/(x-)?(pcm|l16|raw)$/,
    formats: /^(pcm|l16|s16le|raw)(_|$)/,
    bytesPerSample: 2,
    rate: 24_000,
  },
  {
    name: 'audio/basic',
    types: /^audio\/(basic|pcmu|(x-)?(mulaw|ulaw))$/,
    formats: /^(ulaw|mulaw|pcmu)(_|$)/,
    bytesPerSample: 1,
    rate: 8_000,
  },
  {
    name: 'audio/x-alaw-basic',
    types: /^audio\/(x-alaw-basic|pcma|(x-)?alaw)$/,
    formats: /^(alaw|pcma)(_|$)/,
    bytesPerSample: 1,
    rate: 8_000,
  },
];

/**
 * How raw sound is to be read, by its media type (`audio/L16;rate=24000`), else by the asked format (`pcm`, `ulaw_8000`) where the type
 * says nothing. Its own type names rate and channels, so that whoever gets it can play it.
 * @returns undefined for everything that has a header.
 */
export function rawAudio(mediaType: string, format = ''): RawAudio | undefined {
  const [type = '', ...parameters] = mediaType.toLowerCase().split(';');
  const silent = /^(application|binary)\/octet-stream$|^$/.test(type.trim());
  const asked = format.toLowerCase();
  const family = families.find(({ types, formats }) => types.test(type.trim()) || (silent && formats.test(asked)));
  if (!family) return undefined;
  const stated = (name: string) => Number(new RegExp(`\\b${name}=(\\d+)`).exec(parameters.join(';'))?.[1]) || undefined;
  const inFormat = family.formats.test(asked) ? Number(/_(\d{4,6})(_|$)/.exec(asked)?.[1]) || undefined : undefined;
  const rate = stated('rate') ?? inFormat ?? family.rate;
  const channels = stated('channels') ?? 1;
  const { bytesPerSample } = family;
  return { mediaType: `${family.name};rate=${rate};channels=${channels}`, rate, channels, bytesPerSample };
}

/**
 * What raw sound measures: nothing in it can be checked but that it is there and is no text.
 * @param head its first bytes. @param size bytes of the whole.
 */
export function measureRaw({ mediaType, rate, channels, bytesPerSample }: RawAudio, head: Uint8Array, size: number) {
  if (size < channels * bytesPerSample || isText(head.subarray(0, 64))) return undefined;
  const found: Probe = { mediaType, kind: 'audio', seconds: size / (rate * channels * bytesPerSample) };
  return found;
}

function isText(bytes: Uint8Array): boolean {
  return bytes.every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 9 || byte === 10 || byte === 13);
}
