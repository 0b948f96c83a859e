import type { Asset, Call } from '../../src/contract/index.ts';
import { encodeBase64, GatewayError, stringAt } from '../../src/contract/index.ts';
import { bytesOf } from '../shared/bytes.ts';
import { ask } from './client.ts';

/** Above this Replicate advises an uploaded file instead of a data URL. https://replicate.com/docs/topics/predictions/input-files */
const dataUrlLimit = 256 * 1024;

/** What a model's input field gets: the asset's own URL, a data URL, or the URL of a file uploaded for it (free, kept for a day). */
export async function writeAsset(asset: Asset, call: Call): Promise<string> {
  if ('url' in asset) return asset.url;
  const bytes = await bytesOf(asset, 'input');
  if (bytes.byteLength <= dataUrlLimit) return `data:${asset.mediaType};base64,${encodeBase64(bytes)}`;
  const file = new File([bytes], asset.name ?? nameFor(asset.mediaType), {
    type: asset.mediaType,
  });
  const answer = await ask(call, 'upload', (client) => client.files.create(file, {}, { signal: call.signal }));
  const url = stringAt(answer, 'urls', 'get');
  if (!url) throw new GatewayError('provider_garbage', { message: 'Replicate named no URL for an uploaded file.' });
  return url;
}

function nameFor(mediaType: string): string {
  return `input.${mediaType.split('/')[1]?.replace(/^x-|[^a-z0-9].*$/g, '') || 'bin'}`;
}
