import { type Json, type JsonObject, numberAt, stringAt } from '../../../src/contract/index.ts';
import { fromBase64 } from '../base64.ts';
import type { Charge } from '../bill.ts';
import {
  flac,
  glb,
  jpeg,
  mp3,
  mp4,
  musicPcm,
  pcmBytes,
  png,
  readSpokenText,
  speechPcm,
  speechSeconds,
  wav,
  wavSeconds,
  webp,
} from '../media/index.ts';
import { type Endpoint, presets } from './models.ts';

/** A file of a result: made when fetched, the same bytes each time. */
export type ResultFile = { name: string; mediaType: string; make(): Uint8Array };

/** What an endpoint will do with an input. `write` builds the result around the addresses of the files. */
export type Plan = {
  files: ResultFile[];
  charge: Charge;
  /** The words of a sound that was listened to. */
  heard?: string;
  write(file: (index: number) => JsonObject): JsonObject;
};

type Asked = { endpoint: Endpoint; input: JsonObject; seed: string };

/** @throws RangeError in the words of a validation fault where media of the input cannot be read. */
export function planWork(asked: Asked): Plan {
  const { kind } = asked.endpoint;
  if (kind === 'image') return images(asked);
  if (kind === 'video') return video(asked);
  if (kind === 'speech') return speech(asked);
  if (kind === 'transcription') return transcription(asked);
  if (kind === 'model3d') return mesh(asked);
  return sound(asked);
}

/** A charge in the endpoint's own meter; endpoints of unknown units bill one for each thing made. */
function charged({ endpoint }: Asked, quantity: number, things = 1): Charge {
  const { meter } = endpoint.unit;
  return { meter, quantity: meter === 'provider_units' ? things : quantity };
}

function images(asked: Asked): Plan {
  const { input, seed, endpoint } = asked;
  const [width, height] = sizeOf(input, endpoint);
  const count = numberAt(input, 'num_images') ?? 1;
  const format = stringAt(input, 'output_format') ?? 'jpeg';
  const make = { png, webp, jpeg }[format] ?? jpeg;
  const files = Array.from({ length: count }, (_, index) => ({
    name: `image-${index}.${format === 'jpeg' ? 'jpg' : format}`,
    mediaType: `image/${format}`,
    make: () => make({ width, height, seed: `${seed}|${index}` }),
  }));
  const each = endpoint.unit.meter === 'megapixels' ? Math.ceil((width * height) / 1_048_576) : 1;
  return {
    files,
    charge: charged(asked, each * count, count),
    write: (file) => ({
      images: files.map((_, index) => ({ ...file(index), width, height })),
      timings: { inference: 0.5 * count },
      seed: numberAt(input, 'seed') ?? 1_966_196,
      has_nsfw_concepts: files.map(() => false),
      prompt: stringAt(input, 'prompt') ?? '',
    }),
  };
}

const ratioPixels: Record<string, [number, number]> = {
  '21:9': [1568, 672],
  '16:9': [1392, 752],
  '4:3': [1184, 880],
  '3:2': [1248, 832],
  '1:1': [1024, 1024],
  '2:3': [832, 1248],
  '3:4': [880, 1184],
  '9:16': [752, 1392],
  '9:21': [672, 1568],
};

function sizeOf(input: JsonObject, endpoint: Endpoint): [number, number] {
  const size = input.image_size;
  const own = [numberAt(size, 'width'), numberAt(size, 'height')];
  if (own[0] && own[1]) return [own[0], own[1]];
  if (typeof size === 'string') return presets[size] ?? presets.landscape_4_3!;
  if (!('aspect_ratio' in endpoint.fields)) return ratioPixels[String(input.aspect_ratio)] ?? presets.landscape_4_3!;
  const [width, height] = ratioPixels[String(input.aspect_ratio ?? '16:9')] ?? [1024, 1024];
  return endpoint.id.endsWith('ultra') ? [width * 2, height * 2] : [width, height];
}

function video(asked: Asked): Plan {
  const { input, seed } = asked;
  const seconds = Number.parseFloat(String(input.duration ?? '5'));
  const sizes: Record<string, [number, number]> = { '9:16': [1080, 1920], '1:1': [1440, 1440] };
  const [width, height] = sizes[String(input.aspect_ratio)] ?? [1920, 1080];
  const audio = input.generate_audio === true;
  const files = [
    { name: 'output.mp4', mediaType: 'video/mp4', make: () => mp4({ width, height, seconds, audio, seed }) },
  ];
  return { files, charge: charged(asked, seconds), write: (file) => ({ video: file(0) }) };
}

function sound(asked: Asked): Plan {
  const { input, seed, endpoint } = asked;
  const music = endpoint.kind === 'music';
  const seconds = Number(input.seconds_total ?? input.duration ?? (music ? 190 : 30));
  const prompt = stringAt(input, 'prompt') ?? '';
  const samples = { sampleRate: 44_100, channels: 2 as const };
  const make = () => wav(musicPcm({ prompt, seconds, seed, ...samples }), samples);
  const files = [{ name: 'audio.wav', mediaType: 'audio/wav', make }];
  return {
    files,
    charge: charged(asked, 1),
    write: (file) => ({ audio: { ...file(0) }, seed: numberAt(input, 'seed') ?? 1 }),
  };
}

function speech(asked: Asked): Plan {
  const { input, seed } = asked;
  const text = stringAt(input, 'text') ?? stringAt(input, 'prompt') ?? '';
  const speed = numberAt(input.voice_setting, 'speed') ?? numberAt(input, 'speed') ?? 1;
  const voice = stringAt(input.voice_setting, 'voice_id') ?? stringAt(input, 'voice') ?? '';
  const samples = { sampleRate: 24_000, channels: 1 as const };
  const seconds = speechSeconds(text, speed);
  const pcm = () => speechPcm({ text, speed, sampleRate: samples.sampleRate, seed: `${seed}|${voice}` });
  const made: Record<string, ResultFile> = {
    mp3: { name: 'speech.mp3', mediaType: 'audio/mpeg', make: () => mp3({ seconds, text }) },
    flac: { name: 'speech.flac', mediaType: 'audio/flac', make: () => flac(pcm(), samples) },
    pcm: { name: 'speech.pcm', mediaType: 'audio/pcm', make: () => pcmBytes(pcm()) },
  };
  const files = [made[stringAt(input.audio_setting, 'format') ?? 'mp3'] ?? made.mp3!];
  return {
    files,
    charge: charged(asked, [...text].length),
    write: (file) => ({ audio: file(0), duration_ms: Math.round(seconds * 1000) }),
  };
}

function transcription(asked: Asked): Plan {
  const { input } = asked;
  const bytes = bytesIn(stringAt(input, 'audio_url') ?? '');
  if (!bytes) throw new RangeError('The audio could not be downloaded.');
  const text = readSpokenText(bytes) ?? 'No words were recognised.';
  const seconds = Math.round((wavSeconds(bytes) ?? speechSeconds(text)) * 1000) / 1000;
  const spoken = text.split(/(\s+)/).filter((word) => word !== '');
  const share = seconds / Math.max(1, text.length);
  let at = 0;
  const words = spoken.map((word): Json => {
    const start = Math.round(at * share * 1000) / 1000;
    at += word.length;
    const end = at >= text.length ? seconds : Math.round(at * share * 1000) / 1000;
    return { text: word, start, end, type: word.trim() === '' ? 'spacing' : 'word', speaker_id: 'speaker_0' };
  });
  const language = { language_code: stringAt(input, 'language_code') ?? 'eng', language_probability: 1 };
  return { files: [], charge: charged(asked, seconds), heard: text, write: () => ({ text, ...language, words }) };
}

function bytesIn(url: string): Uint8Array | undefined {
  const data = /^data:[^,]*;base64,(.*)$/s.exec(url)?.[1];
  return data === undefined ? undefined : fromBase64(data);
}

function mesh(asked: Asked): Plan {
  const { endpoint, seed } = asked;
  const make = () => glb({ seed });
  const picture = () => png({ width: 256, height: 256, seed });
  const files = [
    { name: 'model.glb', mediaType: 'application/octet-stream', make },
    { name: 'thumbnail.png', mediaType: 'image/png', make: picture },
  ];
  const charge = charged(asked, 1);
  if (endpoint.product !== 'model_glb') {
    return { files: files.slice(0, 1), charge, write: (file) => ({ model_mesh: file(0), timings: { inference: 9 } }) };
  }
  return {
    files,
    charge,
    write: (file) => ({ model_glb: file(0), thumbnail: file(1), model_urls: { glb: file(0) }, seed: 7 }),
  };
}
