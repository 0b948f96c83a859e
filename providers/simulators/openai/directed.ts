import { isObject, type Json, type JsonObject } from '../../../src/contract/index.ts';
import { toBase64 } from '../base64.ts';
import { musicPcm, png, readSpokenText, wav } from '../media/index.ts';
import { type TaskFault, taskFaultIn } from '../tasks.ts';
import { type Desk, WireError } from './wire.ts';

type Endpoint = (desk: Desk, request: Request) => Promise<Response>;

/**
 * An endpoint whose end `[[fail]]`, `[[filtered]]`, `[[empty]]` and `[[wrong-type]]` choose, in what is asked for or in the words of a
 * sound. What fails or is filtered is not billed; what comes out empty or wrong is. Of event streams only spoken ones are changed.
 */
export function directed(endpoint: Endpoint): Endpoint {
  return async (desk, request) => {
    if (!desk.faults) return endpoint(desk, request);
    const fault = taskFaultIn(desk, await wordsOf(request.clone()), request);
    if (fault === 'fail') throw new WireError(500, 'The server had an error while processing your request.');
    if (fault === 'filtered') {
      throw new WireError(400, 'Your request was rejected by the safety system.', {
        type: 'image_generation_user_error',
        code: 'moderation_blocked',
      });
    }
    const answer = await endpoint(desk, request);
    const type = answer.headers.get('content-type') ?? '';
    return answer.ok && (fault === 'empty' || fault === 'wrong-type') ? changed(answer, type, fault) : answer;
  };
}

async function wordsOf(request: Request): Promise<string> {
  if (!request.headers.get('content-type')?.startsWith('multipart/form-data')) return request.text();
  const words: string[] = [];
  for (const value of (await request.formData().catch(() => new FormData())).values()) {
    if (typeof value === 'string') words.push(value);
    else words.push(readSpokenText(new Uint8Array(await value.arrayBuffer())) ?? '');
  }
  return words.join('\n');
}

async function changed(answer: Response, type: string, fault: TaskFault): Promise<Response> {
  const { status } = answer;
  const headers = new Headers(answer.headers);
  headers.delete('content-length');
  if (type.startsWith('text/event-stream'))
    return new Response(respoken(await answer.text(), fault), { status, headers });
  if (!type.includes('json')) {
    await answer.body?.cancel();
    const bytes = fault === 'empty' ? new Uint8Array() : png({ width: 64, height: 64, seed: 'stray' });
    return new Response(bytes as Uint8Array<ArrayBuffer>, { status, headers });
  }
  const body = (await answer.json()) as JsonObject;
  return new Response(JSON.stringify(fault === 'empty' ? emptied(body) : mistaken(body)), { status, headers });
}

/** A spoken stream with no sound in it, or with a picture. */
function respoken(text: string, fault: TaskFault): string {
  const stray = JSON.stringify({
    type: 'speech.audio.delta',
    audio: toBase64(png({ width: 64, height: 64, seed: 'stray' })),
  });
  let told = fault === 'empty';
  const frames = text.split('\n\n').flatMap((frame) => {
    if (!frame.includes('"speech.audio.delta"')) return [frame];
    if (told) return [];
    told = true;
    return [`data: ${stray}`];
  });
  return frames.join('\n\n');
}

function emptied(body: JsonObject): JsonObject {
  if (Array.isArray(body.data)) return { ...body, data: [] };
  const { text: _, ...rest } = body;
  return rest;
}

/** Pictures become a sound; vectors and words have no type that could be wrong. */
function mistaken(body: JsonObject): JsonObject {
  if (!Array.isArray(body.data)) return body;
  const shape = { sampleRate: 8_000, channels: 1 } as const;
  const sound = toBase64(wav(musicPcm({ prompt: 'stray', seconds: 1, seed: 'stray', ...shape }), shape));
  const data: Json[] = body.data.map((one) => (isObject(one) && one.b64_json ? { ...one, b64_json: sound } : one));
  return { ...body, data };
}
