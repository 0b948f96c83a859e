import { type Asset, type Call, encodeBase64, GatewayError, isObject, stringAt } from '../../src/contract/index.ts';
import { bytesOf, mediaTypeOf } from '../shared/bytes.ts';
import { exchange } from '../shared/job-exchange.ts';
import { ask } from './client.ts';

/** Characters of a data URI, by kind. https://docs.dev.runwayml.com/assets/inputs/ */
const longest: Record<string, number> = { image: 5_242_880, video: 16_777_216, audio: 16_777_216 };
const endings: Record<string, string> = { jpeg: 'jpg', quicktime: 'mov', mpeg: 'mp3' };

/** What an input field gets: an https address as it is, a data URI, or (what is too long for one) the address of an upload, kept for a day. */
export async function writeAsset(asset: Asset, param: string, call: Call): Promise<string> {
  if ('url' in asset && /^(https|runway):/.test(asset.url)) return asset.url;
  const bytes = await bytesOf(asset, param);
  const mediaType = mediaTypeOf(bytes) ?? asset.mediaType.split(';')[0] ?? asset.mediaType;
  const kind = mediaType.split('/')[0] ?? '';
  const limit = longest[kind];
  if (limit === undefined) throw refused(param, `${param} must be a picture, a video or a sound, not ${mediaType}.`);
  const head = `data:${mediaType};base64,`;
  if (head.length + Math.ceil(bytes.length / 3) * 4 <= limit) return head + encodeBase64(bytes);
  return upload(bytes, mediaType, param, call);
}

/** https://docs.dev.runwayml.com/assets/uploads/ The key goes to Runway only, never to the store behind it. */
async function upload(bytes: Uint8Array<ArrayBuffer>, mediaType: string, param: string, call: Call): Promise<string> {
  const half = mediaType.split('/')[1] ?? 'bin';
  const filename = `${param.replace(/\W/g, '')}.${endings[half] ?? half}`;
  const body = { filename, type: 'ephemeral' };
  const place = await ask(call, '/uploads', { purpose: 'upload', method: 'POST', body });
  const [url, uri] = [stringAt(place, 'uploadUrl'), stringAt(place, 'runwayUri')];
  const fields = isObject(place) && isObject(place.fields) ? place.fields : undefined;
  if (!url || !uri || !fields) {
    const message = 'Runway named no place for an upload.';
    throw new GatewayError('provider_garbage', { message, provider: 'runway', failure: 'A', billing: 'none' });
  }
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, String(value));
  form.set('file', new File([bytes], filename, { type: mediaType }));
  await exchange(call, 'runway', { purpose: 'upload', method: 'POST', url, body: form });
  return uri;
}

function refused(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', { message, param, failure: 'A', billing: 'none' });
}
