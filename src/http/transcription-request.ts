import { type Asset, GatewayError, type Json, type JsonObject, stringAt } from '../contract/index.ts';
import { defined } from '../dialects/shared.ts';
import type { Caller, Gateway, Trace } from '../gateway/gateway.ts';
import { type Asked, readParams, readUser } from './media-door.ts';
import type { FormTypes } from './media-form.ts';
import { type ReadRequest, readMediaRequest } from './media-request.ts';
import { type TranscriptFormat, transcriptFormats, type Writing } from './transcription-write.ts';

export const transcriptionTypes: FormTypes = {
  numbers: ['temperature', 'seed'],
  booleans: ['stream', 'diarize'],
  files: ['file'],
};
/** Fields of a body that mean something to the house; those of the last line are words of our own. */
const known = [
  ...[
    'file',
    'model',
    'language',
    'prompt',
    'response_format',
    'temperature',
    'timestamp_granularities',
    'stream',
    'user',
  ],
  ...['diarize', 'seed'],
];
/** Formats that are made of times. */
const timed: readonly string[] = ['srt', 'vtt', 'verbose_json', 'diarized_json'];
/** Formats that can be told piece by piece. */
const streamed: readonly string[] = ['json', 'text', 'diarized_json'];

/** What our own words are called at these doors. */
export const transcriptionNames: Readonly<Record<string, string>> = {
  input: 'file',
  audio: 'file',
  format: 'response_format',
  timestamps: 'timestamp_granularities',
};

/** How the caller wants it written. Throws invalid_request for what no transcript can be. */
export function readWriting(asked: Pick<Asked, 'own'>, body: JsonObject, translated: boolean): Writing {
  const formats = transcriptFormats.filter((word) => !translated || word !== 'diarized_json');
  const format = (body.response_format ?? 'json') as TranscriptFormat;
  if (!formats.includes(format)) throw refused('response_format', `response_format is one of ${formats.join(', ')}.`);
  const given = body.timestamp_granularities;
  const granularities = given === undefined ? ['segment'] : [given].flat().map(String);
  if (granularities.length === 0 || granularities.some((word) => word !== 'word' && word !== 'segment')) {
    throw refused('timestamp_granularities', 'timestamp_granularities are word and segment.');
  }
  if (given !== undefined && format !== 'verbose_json') {
    throw refused('timestamp_granularities', 'timestamp_granularities go with response_format verbose_json.');
  }
  if (body.stream === true && !streamed.includes(format)) {
    throw refused('stream', `A stream has the response_format ${streamed.join(', ')}, not ${format}.`);
  }
  const language = stringAt(body, 'language');
  return { format, granularities, translated, own: asked.own, ...(language ? { language } : {}) };
}

/** A transcription or translation in neutral words. What the model cannot write is refused here, with what it can. */
export async function readTranscriptionRequest(
  gateway: Gateway,
  caller: Caller,
  trace: Trace,
  asked: Asked,
  body: JsonObject,
  file: Asset | undefined,
  writing: Writing,
): Promise<ReadRequest> {
  const { model, honours } = asked;
  const { format, translated } = writing;
  if (translated && honours && !honours.includes('translate')) {
    throw refused('model', `${model.id} cannot translate.`, { model: model.id });
  }
  const allowed = formatsOf(asked);
  if (allowed && !allowed.includes(format)) {
    const message = `${model.id} cannot answer as ${format}; it can as: ${allowed.join(', ')}.`;
    throw refused('response_format', message, { model: model.id, allowed });
  }
  const asks = timed.includes(format);
  const isWriter = !honours || honours.includes('format');
  const chosen = body.timestamp_granularities !== undefined;
  const speakers = body.diarize === true || (format === 'diarized_json' && honours?.includes('diarize'));
  const neutral = defined({
    input: body.file,
    language: translated ? undefined : body.language,
    prompt: body.prompt,
    temperature: body.temperature,
    seed: body.seed,
    // Plain text needs no telling: every model writes it.
    format: asks && isWriter ? format : undefined,
    timestamps: asks && (chosen || !isWriter) ? [...writing.granularities] : undefined,
    translate: translated || undefined,
    diarize: speakers || undefined,
    ...readParams(asked, trace, body, known),
    ...(await readUser(asked, caller, body)),
  }) as JsonObject;
  return readMediaRequest(gateway, caller, 'transcription', neutral, file ? { audio: file } : {});
}

/** What the model can write: by its row, else by what its port has a place for; undefined where neither tells. */
function formatsOf({ model, honours }: Asked): string[] | undefined {
  const listed = model.capabilities?.formats;
  if (Array.isArray(listed)) return listed.map(String);
  if (!honours || honours.includes('format')) return undefined;
  if (!honours.includes('timestamps')) return ['json', 'text'];
  return transcriptFormats.filter((format) => format !== 'diarized_json' || honours.includes('diarize'));
}

function refused(param: string, message: string, facts?: Json): GatewayError {
  const unsent = { failure: 'A', billing: 'none' } as const;
  return new GatewayError('invalid_request', { message, param, ...unsent, ...(facts ? { facts } : {}) });
}
