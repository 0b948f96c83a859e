import { stringAt } from '../contract/index.ts';
import type { Attempt } from './attempt.ts';
import { hexDigest } from './digest.ts';
import type { Caller, Gateway } from './gateway.ts';
import { newId } from './ids.ts';

/** Looks at one job that never come back before it is given up: whatever it does to its process, it does no more. */
export const mostTries = 3;

/**
 * The id of an output, the same whenever it is asked for: what a process that stopped had already stored can be found by it.
 * @param look how many looks at the attempt's end never came back before this one, so that two at once never write to one place.
 * @param place which of the outputs of that look, counted over those that lie in the store.
 */
export async function outputId(
  tenant: string,
  { id, at }: Pick<Attempt, 'id' | 'at'>,
  look: number,
  place: number,
): Promise<string> {
  const time = newId('', at).slice(0, 10);
  return `asset_${tenant}_${time}${(await hexDigest(`${id}|${look}|${place}`)).slice(0, 16)}`;
}

/**
 * Removes what looks at an attempt's end have stored and its generation does not show: they failed at a later output, or their process
 * stopped before the end was in the book. To be called once the attempt has ended.
 */
export async function removeStrays(
  gateway: Gateway,
  { tenant, book }: Pick<Caller, 'tenant' | 'book'>,
  attempt: Attempt,
): Promise<void> {
  const record = await book.generation(attempt.generationId);
  const shown = new Set(record?.outputs.flatMap((output) => stringAt(output, 'asset') ?? []));
  const strays: string[] = [];
  for (let look = 0; look <= mostTries; look++) {
    for (let place = 0; ; place++) {
      const id = await outputId(tenant, attempt, look, place);
      if (shown.has(id)) continue;
      if ((await gateway.assets.size(id)) === undefined) break;
      strays.push(id);
    }
  }
  await removeOutputs(gateway, { book }, strays);
}

/** The last one first, its row before its bytes: if this ends half-way, what is left is found by the bytes. */
export async function removeOutputs(
  { assets }: Gateway,
  { book }: Pick<Caller, 'book'>,
  ids: readonly string[],
): Promise<void> {
  for (const id of ids.toReversed()) {
    await book.removeAsset(id);
    await assets.remove(id);
  }
}
