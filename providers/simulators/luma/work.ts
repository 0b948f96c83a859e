import { type JsonObject, stringAt } from '../../../src/contract/index.ts';
import type { Charge } from '../bill.ts';
import { jpeg, mp3, png } from '../media/index.ts';
import { mp4 } from '../media/mp4.ts';

export type Kind = 'video' | 'image';
/** What a generation will make. */
export type Work = { kind: Kind; request: JsonObject; base: string; file: File; charges: Charge[] };
export type File = { name: string; mediaType: string; make: () => Uint8Array };

const lines: Record<string, number> = { '540p': 540, '720p': 720, '1080p': 1080, '4k': 2160 };

/** The work of a request that was found right, with the vendor's own defaults for what it leaves open. */
export function workOf(kind: Kind, request: JsonObject, seed: string, base: string): Work {
  const ratio = stringAt(request, 'aspect_ratio') ?? '16:9';
  if (kind === 'image') {
    const [width, height] = sides(ratio, 1080);
    const file: File =
      request.format === 'png'
        ? { name: 'image.png', mediaType: 'image/png', make: () => png({ width, height, seed }) }
        : { name: 'image.jpg', mediaType: 'image/jpeg', make: () => jpeg({ width, height, seed }) };
    return { kind, request, base, file, charges: [{ meter: 'images', quantity: 1 }] };
  }
  const resolution = stringAt(request, 'resolution') ?? '720p';
  const seconds = Number.parseInt(stringAt(request, 'duration') ?? '5s', 10);
  const [width, height] = sides(ratio, lines[resolution] ?? 720);
  const file = { name: 'video.mp4', mediaType: 'video/mp4', make: () => mp4({ width, height, seconds, seed }) };
  const charges: Charge[] = [{ meter: 'output_video_seconds', quantity: seconds, dims: { resolution } }];
  return { kind, request, base, file, charges };
}

/** A file of another kind than the one asked for. */
export function strangeFile(kind: Kind, seed: string): File {
  if (kind === 'video') {
    return { name: 'video.png', mediaType: 'image/png', make: () => png({ width: 64, height: 64, seed }) };
  }
  return { name: 'image.mp3', mediaType: 'audio/mpeg', make: () => mp3({ seconds: 1, seed }) };
}

/** The shorter side is the resolution; sides are even. */
function sides(ratio: string, short: number): [width: number, height: number] {
  const [wide = 16, high = 9] = ratio.split(':').map(Number);
  const long = Math.round((short * Math.max(wide, high)) / Math.min(wide, high) / 2) * 2;
  return wide >= high ? [long, short] : [short, long];
}
