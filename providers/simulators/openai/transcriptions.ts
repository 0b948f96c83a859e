import type { JsonObject } from '../../../src/contract/index.ts';
import type { BilledCall, Charge } from '../bill.ts';
import { readSpokenText } from '../media/index.ts';
import { countTokens, pieces } from '../text.ts';
import { probeAudio } from './audio-probe.ts';
import { checkWord, missing } from './check.ts';
import { requireKind } from './models.ts';
import { lines, renderSubtitles, segments, words } from './transcript.ts';
import { clientOf, type Desk, echoes, type Frame, stream, WireError } from './wire.ts';

const tokensPerSecond = 10;
const byteLimit = 26_214_400;
const endings = ['flac', 'm4a', 'mp3', 'mp4', 'mpeg', 'mpga', 'oga', 'ogg', 'wav', 'webm'];
const known = new Set(
  'file model language languages keywords prompt response_format temperature include timestamp_granularities stream chunking_strategy known_speaker_names known_speaker_references'.split(
    ' ',
  ),
);

/** POST /audio/transcriptions: says what the simulators' own speech says, and how long foreign audio is. */
export function transcriptions(desk: Desk, request: Request): Promise<Response> {
  return listen(desk, request, false);
}

/** POST /audio/translations: whisper-1 only, answers in English. */
export function translations(desk: Desk, request: Request): Promise<Response> {
  return listen(desk, request, true);
}

async function listen(desk: Desk, request: Request, translates: boolean): Promise<Response> {
  const form = await request.formData().catch(() => {
    throw new WireError(400, 'Could not parse multipart form.');
  });
  const fields: JsonObject = {};
  const lists = new Map<string, string[]>();
  for (const [name, value] of form.entries()) {
    if (typeof value !== 'string') continue;
    const bare = name.replace(/\[.*$/, '');
    if (!known.has(bare) && !bare.startsWith('x_')) {
      throw new WireError(400, `Unrecognized request argument supplied: ${bare}`);
    }
    fields[bare] = value;
    lists.set(bare, [...(lists.get(bare) ?? []), value]);
  }
  const file = form.get('file');
  if (!(file instanceof File)) throw missing('file');
  const model = typeof fields.model === 'string' ? fields.model : '';
  if (!model) throw missing('model');
  if (desk.quirks.strict)
    requireKind(model, 'transcription', translates ? '/audio/translations' : '/audio/transcriptions');
  if (translates && !/^whisper-/.test(model)) checkWord('model', model, ['whisper-1']);
  const format = readFormat(model, fields);
  const granularities = lists.get('timestamp_granularities') ?? ['segment'];
  for (const word of granularities) checkWord('timestamp_granularities', word, ['word', 'segment']);

  const bytes = new Uint8Array(await file.arrayBuffer());
  const { seconds } = probe(file, bytes);
  const diarizes = /diarize/.test(model);
  if (diarizes && seconds > 30 && !fields.chunking_strategy) {
    throw new WireError(400, 'chunking_strategy is required for diarization models', { param: 'chunking_strategy' });
  }
  const text = readSpokenText(bytes) ?? `This recording is ${seconds.toFixed(1)} seconds long.`;

  const whisper = /^whisper-/.test(model);
  const audio = Math.ceil(seconds * tokensPerSecond - 1e-6);
  const prompted = countTokens(typeof fields.prompt === 'string' ? fields.prompt : '');
  const output = countTokens(text);
  const usage: JsonObject = whisper
    ? { type: 'duration', seconds: Math.ceil(seconds - 1e-6) }
    : {
        type: 'tokens',
        total_tokens: audio + prompted + output,
        input_tokens: audio + prompted,
        input_token_details: { text_tokens: prompted, audio_tokens: audio },
        output_tokens: output,
      };
  const id = desk.idFor('trsc_', model, text, String(bytes.length), JSON.stringify(fields));
  const call: BilledCall = { client: clientOf(request), id, model, at: desk.now(), charges: [] };
  desk.bill.add(call);
  const bill = (written: number) => {
    const metered: Charge[] = whisper
      ? [{ meter: 'input_audio_seconds', quantity: Math.ceil(seconds - 1e-6) }]
      : [
          { meter: 'input_audio_tokens', quantity: audio },
          { meter: 'input_text_tokens', quantity: prompted },
          { meter: 'output_text_tokens', quantity: written },
        ];
    call.charges.push(...metered.filter((charge) => charge.quantity > 0));
  };

  const said = segments(text, seconds, id);
  const echoed = echoes(fields);
  if (fields.stream === 'true' && !whisper) {
    return stream(desk, request, tell(text, diarizes ? said : undefined, { usage, ...echoed }), (tokens, complete) =>
      bill(complete ? output : Math.min(tokens, output)),
    );
  }
  bill(output);
  if (format === 'text') return new Response(`${text}\n`, { headers: { 'content-type': 'text/plain; charset=utf-8' } });
  if (format === 'srt' || format === 'vtt') {
    return new Response(renderSubtitles(lines(text, seconds), format), {
      headers: { 'content-type': 'text/plain; charset=utf-8' },
    });
  }
  const duration = Math.round(seconds * 100) / 100;
  const language = typeof fields.language === 'string' ? fields.language : 'english';
  const task = translates ? 'translate' : 'transcribe';
  if (format === 'verbose_json') {
    const timed = {
      ...(granularities.includes('word') ? { words: words(text, seconds) } : {}),
      ...(granularities.includes('segment') ? { segments: lines(text, seconds) } : {}),
    };
    return Response.json({ task, language, duration, text, ...timed, usage, ...echoed });
  }
  if (format === 'diarized_json') return Response.json({ task, duration, text, segments: said, usage, ...echoed });
  const probabilities = lists.get('include')?.includes('logprobs') ? { logprobs: logprobs(text) } : {};
  return Response.json({ text, ...probabilities, usage, ...echoed });
}

/** Which formats each model writes: https://platform.openai.com/docs/api-reference/audio/createTranscription */
function readFormat(model: string, fields: JsonObject): string {
  const format = typeof fields.response_format === 'string' ? fields.response_format : 'json';
  checkWord('response_format', format, ['json', 'text', 'srt', 'verbose_json', 'vtt', 'diarized_json']);
  const allowed = /^whisper-/.test(model)
    ? ['json', 'text', 'srt', 'verbose_json', 'vtt']
    : /diarize/.test(model)
      ? ['json', 'text', 'diarized_json']
      : ['json', 'text'];
  if (!allowed.includes(format)) {
    const message = `response_format '${format}' is not compatible with model '${model}'. Use ${allowed.map((word) => `'${word}'`).join(' or ')} instead.`;
    throw new WireError(400, message, { param: 'response_format', code: 'unsupported_value' });
  }
  return format;
}

function probe(file: File, bytes: Uint8Array): { seconds: number } {
  if (bytes.length > byteLimit) {
    const message = `413: Maximum content size limit (${byteLimit}) exceeded (${bytes.length} bytes read)`;
    throw new WireError(413, message, { type: 'server_error' });
  }
  const ending = /\.([a-z0-9]+)$/i.exec(file.name)?.[1]?.toLowerCase();
  if (ending === undefined || !endings.includes(ending)) {
    const list = endings.map((name) => `'${name}'`).join(', ');
    throw new WireError(400, `Unrecognized file format. Supported formats: [${list}]`, { param: 'file' });
  }
  const found = probeAudio(bytes);
  if (!found) {
    throw new WireError(400, 'Audio file might be corrupted or unsupported', { param: 'file', code: 'invalid_value' });
  }
  if (found.seconds < 0.1) {
    throw new WireError(400, 'Audio file is too short. Minimum audio length is 0.1 seconds.', {
      param: 'file',
      code: 'audio_too_short',
    });
  }
  return found;
}

function* tell(text: string, spoken: JsonObject[] | undefined, last: JsonObject): Generator<Frame> {
  if (spoken) for (const segment of spoken) yield { data: segment, tokens: countTokens(String(segment.text)) };
  else for (const delta of pieces(text)) yield { data: { type: 'transcript.text.delta', delta }, tokens: 1 };
  yield { data: { type: 'transcript.text.done', text, ...last } };
}

function logprobs(text: string): JsonObject[] {
  return pieces(text).map((token, index) => ({
    token,
    logprob: -((index * 37) % 100) / 1000,
    bytes: [...new TextEncoder().encode(token)],
  }));
}
