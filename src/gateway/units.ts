import { type JsonObject, type Modality, numberAt, stringAt, type Usage } from '../contract/index.ts';
import type { Kept } from './keep.ts';

/**
 * The countable results of a generation, for unit costs in reports: images, output and input seconds, characters.
 * Tokens are not repeated here: the ledger has them.
 */
export function unitsOf(
  modality: Modality,
  kept: readonly Kept[],
  record: JsonObject,
  usage: Usage,
): Record<string, number> | undefined {
  const media = kept.filter(({ output }) => 'asset' in output && output.type !== 'text').length;
  const seconds = kept.reduce((sum, one) => sum + (one.seconds ?? 0), 0);
  switch (modality) {
    case 'image':
      return { images: media };
    case 'speech':
      return { seconds, characters: stringAt(record, 'input')?.length ?? 0 };
    case 'music':
      return { seconds, songs: media };
    case 'sound_effect':
    case 'video':
      return { seconds };
    case 'transcription': {
      const metered = usage.metered.find((one) => one.meter === 'input_audio_seconds')?.quantity;
      const heard = numberAt(record, 'audio_seconds') ?? metered;
      return heard === undefined ? undefined : { seconds: heard };
    }
    case 'model3d':
      return { models: media };
    default:
      return undefined;
  }
}
