import { asGatewayError, type Dialect, isObject, type JsonObject } from '../contract/index.ts';
import { writeSse } from '../dialects/sse.ts';

const encoder = new TextEncoder();

/** An event of a stream. OpenAI names the events of images, and leaves those of sound and transcripts without a name. */
export function eventFrame(data: JsonObject, name?: string): Uint8Array {
  return encoder.encode(writeSse({ ...(name ? { event: name } : {}), data: JSON.stringify(data) }));
}

/** An event whose data tells its name, too, as its `type`. */
export function namedFrame(type: string, data: JsonObject): Uint8Array {
  return eventFrame({ type, ...data }, type);
}

/** The end of a stream that failed after its headers were sent. */
export function errorFrame(thrown: unknown, dialect: Dialect, generation: string): Uint8Array {
  const { error } = dialect.writeError(asGatewayError(thrown), generation);
  const words = isObject(error) ? error : {};
  return namedFrame('error', { error: { ...words, generation } });
}
