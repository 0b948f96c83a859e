import { isObject, type JsonObject, numberAt, stringAt } from '../../../src/contract/index.ts';
import { jpeg, mp3, mp3Seconds, opus, png, speechPcm, speechSeconds, wav } from '../media/index.ts';
import { mp4 } from '../media/mp4.ts';

/** What a task will make, and what it costs in credits of one US cent. */
export type Work = { endpoint: string; body: JsonObject; credits: number; files: File[]; base: string };
export type File = { name: string; mediaType: string; make: () => Uint8Array };

/** Credits a second. Of Seedance, Hailuo, Omni and Aleph 2 no public list was found: theirs are this simulator's own. */
const videoRates: Record<string, number> = {
  'gen4.5': 12,
  gen4_turbo: 5,
  seedance2: 36,
  seedance2_fast: 29,
  hailuo3: 20,
  gemini_omni_flash: 18,
  aleph2: 28,
};
const withSound: Record<string, [loud: number, silent: number]> = { 'veo3.1': [40, 20], 'veo3.1_fast': [15, 10] };
/** Seconds of a video that was asked for without. */
const usualSeconds: Record<string, number> = { gen4_turbo: 10, 'veo3.1': 8, 'veo3.1_fast': 8 };

/** The work of a body that its form accepts. @param seed makes the files' bytes. */
export function workOf(endpoint: string, body: JsonObject, seed: string, base: string): Work {
  const make = endpoint.endsWith('_video') ? videoWork : endpoint === 'text_to_image' ? imageWork : soundWork;
  return { endpoint, body, base, ...make(body, endpoint, seed) };
}

type Made = Pick<Work, 'credits' | 'files'>;

function videoWork(body: JsonObject, _endpoint: string, seed: string): Made {
  const model = String(body.model);
  const seconds = numberAt(body, 'duration') ?? usualSeconds[model] ?? 5;
  const [width, height] = sidesOf(body);
  const pair = withSound[model];
  const audio = body.audio !== false && (pair !== undefined || model.startsWith('seedance'));
  const rate = pair ? pair[audio ? 0 : 1] : (videoRates[model] ?? 10);
  const file = { name: '0.mp4', mediaType: 'video/mp4', make: () => mp4({ width, height, seconds, audio, seed }) };
  return { credits: rate * seconds, files: [file] };
}

function imageWork(body: JsonObject, _endpoint: string, seed: string): Made {
  const [width, height] = sidesOf(body);
  const count = numberAt(body, 'outputCount') ?? 1;
  const asJpeg = body.outputFormat === 'jpeg';
  const files = Array.from({ length: count }, (_, index): File => {
    const request = { width, height, seed: `${seed}|${index}` };
    return asJpeg
      ? { name: `${index}.jpg`, mediaType: 'image/jpeg', make: () => jpeg(request) }
      : { name: `${index}.png`, mediaType: 'image/png', make: () => png(request) };
  });
  const large = Math.min(width, height) >= 1080;
  const each: Record<string, number> = { gen4_image: large ? 8 : 5, gen4_image_turbo: 2, 'gemini_2.5_flash': 5 };
  return { credits: (each[String(body.model)] ?? 10) * count, files };
}

function soundWork(body: JsonObject, endpoint: string, seed: string): Made {
  const speaks = endpoint === 'text_to_speech';
  const words = String(body.promptText);
  const speed = numberAt(body, 'speed') ?? 1 + (numberAt(body, 'speechRate') ?? 0) / 100;
  const duration = numberAt(body, 'duration');
  const seconds = speaks ? speechSeconds(words, speed) : (duration ?? 4);
  const credits = speaks ? Math.ceil(words.length / 50) : duration === undefined ? 2 : 1;
  const heard = speaks ? { text: words } : {};
  const sampleRate = numberAt(body, 'sampleRate') ?? 24_000;
  const spoken = speaks ? words : '';
  const files: Record<string, File> = {
    mp3: { name: '0.mp3', mediaType: 'audio/mpeg', make: () => mp3({ seconds: mp3Seconds(seconds), ...heard, seed }) },
    wav: {
      name: '0.wav',
      mediaType: 'audio/wav',
      make: () => wav(speechPcm({ text: spoken || 'la la la', speed, sampleRate, seed }), { sampleRate, channels: 1 }),
    },
    ogg_opus: { name: '0.ogg', mediaType: 'audio/ogg', make: () => opus({ seconds, ...heard }) },
  };
  return { credits, files: [files[stringAt(body, 'outputFormat') ?? 'mp3'] ?? files.mp3!] };
}

/** Pixels of a frame: of its `ratio`, else of a shape at the asked resolution. */
function sidesOf(body: JsonObject): [width: number, height: number] {
  const said = stringAt(body, 'ratio') ?? stringAt(body, 'targetAspectRatio') ?? '1280:720';
  const [wide, high] = said.split(':').map(Number);
  if (!wide || !high) return [1280, 720];
  if (wide >= 100) return [wide, high];
  const lines = body.resolution === '2K' ? 1440 : body.resolution === '768P' ? 768 : 720;
  const even = (side: number) => Math.round(side / 2) * 2;
  return wide >= high ? [even((lines * wide) / high), lines] : [lines, even((lines * high) / wide)];
}

/** Every address of an upload that a body names. */
export function uploadsIn(value: unknown): string[] {
  if (typeof value === 'string') return value.startsWith('runway://') ? [value] : [];
  if (Array.isArray(value)) return value.flatMap(uploadsIn);
  return isObject(value) ? Object.values(value).flatMap(uploadsIn) : [];
}
