import type { Context } from 'hono';

export type Door = (c: Context) => Response | Promise<Response>;

/** A door whose code is loaded when it is first used: a gateway that only passes chat never pays for it. */
export function lazy(load: () => Promise<Door>): Door {
  let door: Promise<Door> | undefined;
  return async function openDoor(c: Context): Promise<Response> {
    door ??= load();
    return (await door)(c);
  };
}
