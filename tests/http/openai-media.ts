import OpenAI, { toFile } from 'openai';
import { png, speechPcm, wav } from '../../providers/simulators/media/index.ts';
import type { Json } from '../../src/contract/index.ts';
import type { RunningGateway } from '../support/gateway.ts';
import { hasSpecs, validator } from '../support/spec.ts';
import { framesOf } from './doors.ts';

/** One exchange as it went over the wire. */
export type Exchange = { status: number; headers: Headers; bytes: Uint8Array };

/** OpenAI's own SDK in front of a gateway, and the raw answer to its last call. */
export function sdkOf(gateway: RunningGateway) {
  const exchanges: Promise<Exchange>[] = [];
  const client = new OpenAI({
    apiKey: gateway.appKey,
    baseURL: `${gateway.url}/v1`,
    maxRetries: 0,
    fetch: async (input, init) => {
      const answer = await fetch(input, init);
      const { status, headers } = answer;
      const copy = answer.clone();
      const read = copy.arrayBuffer().then((bytes) => ({ status, headers, bytes: new Uint8Array(bytes) }));
      read.catch(() => {});
      exchanges.push(read);
      return answer;
    },
  });
  const last = async (): Promise<Exchange & { text: string; header(name: string): string }> => {
    const exchange = await exchanges.at(-1)!;
    const text = new TextDecoder().decode(exchange.bytes);
    return { ...exchange, text, header: (name) => exchange.headers.get(name) ?? '' };
  };
  const events = async (): Promise<Json[]> => framesOf((await last()).text);
  return { client, last, events };
}

/** What does not fit OpenAI's own description; undefined where all does. Without the descriptions nothing is said. */
export function faultOf(schema: string, value: unknown): string | undefined {
  return hasSpecs ? validator('openai', `/components/schemas/${schema}`)!(value) : undefined;
}

export const words = 'The lamp is lit. The harbour sleeps.';

/** Speech of the simulators' own voice: every simulator hears its words. 24 kHz WAV. */
export const spoken = () => {
  const pcm = speechPcm({ text: words, sampleRate: 24_000, seed: 'doors' });
  return toFile(wav(pcm, { sampleRate: 24_000, channels: 1 }), 'speech.wav', { type: 'audio/wav' });
};

export const picture = (seed: string, side = 64) =>
  toFile(png({ width: side, height: side, seed }), `${seed}.png`, { type: 'image/png' });

/** The message and place of an SDK's error. */
export async function refusal(work: Promise<unknown>) {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof OpenAI.APIError)) throw new Error(`No refusal: ${String(thrown)}`);
  const { status, code, param, message } = thrown;
  return { status, code, param, message, body: { error: thrown.error as Json } };
}
