import { shipped } from '../../../config/files.ts';
import { loadShipped } from '../../../config/load.ts';
import { createProvider } from '../../../providers/index.ts';
import { png, speechPcm, wav } from '../../../providers/simulators/media/index.ts';
import {
  isObject,
  type Json,
  type JsonObject,
  type MediaModality,
  type Model,
  numberAt,
} from '../../../src/contract/index.ts';

/** One provider × modality that it declares, with a model that makes it. */
export type MediaRow = {
  name: string;
  provider: string;
  modality: MediaModality;
  /** Undefined where the catalogue has no such model and none can be named freely. */
  model?: string;
  /** Works as a job that is asked about; else the answer to the request is the end. */
  job: boolean;
  cancels: boolean;
  /** A machine of one's own, whose price is its time. */
  own: boolean;
  /** A generation of the smallest kind whose words are these. */
  write(words: string): JsonObject;
};

/** Providers that run any model by its name, and names that say what they make. */
const anyModel: Record<string, Partial<Record<MediaModality, string>>> = {
  replicate: {
    speech: 'acme/tts-one',
    sound_effect: 'acme/sound-maker',
    transcription: 'acme/whisper-one',
    video: 'acme/video-one',
    model3d: 'acme/3d-mesh',
  },
};
const takesPrompt = /prompt|text/;

export async function mediaRows(): Promise<MediaRow[]> {
  const config = await loadShipped(shipped);
  return config.providers.flatMap((row) =>
    Object.entries(createProvider(row).media ?? {}).map(([name, port]): MediaRow => {
      const modality = name as MediaModality;
      const known = config.models.filter((one) => one.provider === row.id && one.modality === modality);
      const model = known.find(needsNoPicture) ?? known[0];
      const id = model?.id ?? named(row.id, modality);
      return {
        name: `${row.id} ${modality}`,
        provider: row.id,
        modality,
        ...(id ? { model: id } : {}),
        job: port.poll !== undefined,
        cancels: port.cancel !== undefined,
        own: row.keyless === true,
        write: (words) => ({ model: id ?? '', modality, ...smallest(modality, words, model) }),
      };
    }),
  );
}

function named(provider: string, modality: MediaModality): string | undefined {
  const name = anyModel[provider]?.[modality];
  return name && `${provider}/${name}`;
}

/** A model whose declared fields have no place for words starts from a picture. */
function needsNoPicture({ options }: Model): boolean {
  const fields = isObject(options) && isObject(options.fields) ? Object.keys(options.fields) : ['prompt'];
  return fields.some((field) => takesPrompt.test(field)) && !fields.includes('image');
}

function smallest(modality: MediaModality, words: string, model: Model | undefined): JsonObject {
  const least = numberAt(model?.capabilities, 'seconds', 'min');
  switch (modality) {
    case 'transcription': {
      const samples = { sampleRate: 16_000, channels: 1 } as const;
      const sound = wav(speechPcm({ text: words, sampleRate: samples.sampleRate, seed: 'spoken' }), samples);
      return { input: { data: Buffer.from(sound).toString('base64'), media_type: 'audio/wav' } };
    }
    case 'music':
    case 'sound_effect':
      return { input: `2 seconds of ${words}`, ...(model?.capabilities?.seconds ? { seconds: least ?? 2 } : {}) };
    case 'video':
      return { input: words, ...(least === undefined ? {} : { seconds: least }) };
    case 'model3d':
      return { input: words, ...(model?.input?.includes('image') && !needsNoPicture(model) ? pictures() : {}) };
    case 'image':
      return { input: words, ...smallestSize(model) };
    default:
      return { input: words };
  }
}

/** Large pictures take simulators long. */
function smallestSize(model: Model | undefined): JsonObject {
  const sizes = model?.capabilities?.sizes;
  if (Array.isArray(sizes)) {
    const area = (size: Json) =>
      String(size)
        .split('x')
        .map(Number)
        .reduce((one, other) => one * other, 1);
    const known = sizes.filter((size) => /^\d+x\d+$/.test(String(size)));
    return known.length > 0 ? { size: known.reduce((one, other) => (area(other) < area(one) ? other : one)) } : {};
  }
  const least = numberAt(sizes, 'min');
  return least === undefined ? {} : { size: `${least}x${least}` };
}

function pictures(): JsonObject {
  const data = Buffer.from(png({ width: 256, height: 256, seed: 'model' })).toString('base64');
  return { images: [{ data, media_type: 'image/png' }] };
}
