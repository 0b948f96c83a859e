import { describe, expect, it } from 'vitest';
import type { GenerationRecord } from '../../src/books/index.ts';
import type { Json } from '../../src/contract/index.ts';
import type { Caller, Gateway } from '../../src/gateway/gateway.ts';
import { transcriptOf } from '../../src/http/transcription-read.ts';
import { type TranscriptFormat, writeTranscript } from '../../src/http/transcription-write.ts';
import { faultOf } from './openai-media.ts';

const text = 'The lamp is lit. The harbour sleeps.';
const words = text.split(' ').map((word, index) => ({ word, start: index / 2, end: index / 2 + 0.4 }));

/** An ended transcription with these annotations, in the book or in the store. */
async function read(annotations: Json[], stored = false) {
  const output = stored ? { type: 'text', text, asset: 'asset_main_1' } : { type: 'text', text, annotations };
  const record = { id: 'gen_1', at: 0, outputs: [output], attempts: [], units: { seconds: 4 } };
  const gateway = {
    assets: { get: async () => ({ body: new Response(JSON.stringify(annotations)).body, size: 1 }) },
  };
  const caller = { book: { asset: async (id: string) => (id ? { id, sha256: 'x' } : undefined) } };
  const generation = record as unknown as GenerationRecord;
  const transcript = await transcriptOf(gateway as unknown as Gateway, caller as unknown as Caller, generation);
  const write = (format: TranscriptFormat, granularities = ['segment'], own = false) =>
    writeTranscript(transcript, generation, { format, granularities, translated: false, own }).body;
  return { transcript, write };
}

const shapes: [what: string, annotations: Json[]][] = [
  [
    'a transcript with segments',
    [
      {
        text,
        segments: [
          { start: 0, end: 1.9, text: 'The lamp is lit.' },
          { start: 2, end: 3.4, text: ' The harbour sleeps.' },
        ],
      },
    ],
  ],
  ['a transcript with words', [{ text, words }]],
  ['bare words', words],
  [
    'bare words with spaces and noises',
    words.flatMap(({ word, ...time }) => [
      { text: word, type: 'word', ...time },
      { text: ' ', type: 'spacing', ...time },
    ]),
  ],
  [
    'chunks',
    [
      { text: 'The lamp is lit.', timestamp: [0, 1.9] },
      { text: 'The harbour sleeps.', timestamp: [2, 3.4] },
    ],
  ],
];

describe.each(shapes)('a provider that gives %s', (_, annotations) => {
  it.each([false, true])('is written in every format (annotations in the store: %s)', async (stored) => {
    const { transcript, write } = await read(annotations, stored);
    expect(transcript.segments.map((segment) => segment.text)).toEqual(['The lamp is lit.', 'The harbour sleeps.']);
    expect(write('text')).toBe(`${text}\n`);
    expect(write('srt')).toBe(
      '1\n00:00:00,000 --> 00:00:01,900\nThe lamp is lit.\n\n2\n00:00:02,000 --> 00:00:03,400\nThe harbour sleeps.\n',
    );
    expect(write('vtt')).toBe(
      'WEBVTT\n\n00:00:00.000 --> 00:00:01.900\nThe lamp is lit.\n\n00:00:02.000 --> 00:00:03.400\nThe harbour sleeps.\n',
    );
    const verbose = JSON.parse(write('verbose_json', ['word', 'segment']));
    expect(verbose).toMatchObject({ text, duration: 4, language: 'unknown', usage: { type: 'duration', seconds: 4 } });
    expect(faultOf('CreateTranscriptionResponseVerboseJson', verbose)).toBeUndefined();
    expect(faultOf('CreateTranscriptionResponseDiarizedJson', JSON.parse(write('diarized_json')))).toBeUndefined();
  });
});

it('names speakers by letters in the order in which they speak, unless the names are OpenAI’s', async () => {
  const said = ['speaker_1', 'speaker_0', 'speaker_1'].map((speaker, at) => ({
    start: at,
    end: at + 1,
    text: 'hm',
    speaker,
  }));
  const { write } = await read([{ text, segments: said }]);
  const names = (body: string) => (JSON.parse(body).segments as { speaker: string }[]).map((one) => one.speaker);
  expect(names(write('diarized_json'))).toEqual(['A', 'B', 'A']);
  expect(names(write('diarized_json', [], true))).toEqual(['speaker_1', 'speaker_0', 'speaker_1']);
  expect(write('srt')).toContain('\nspeaker_1: hm\n');
});

it('is plain text where nothing tells of times; what is made of times is refused then', async () => {
  const { write } = await read([]);
  expect(JSON.parse(write('json'))).toEqual({ text, usage: { type: 'duration', seconds: 4 } });
  for (const format of ['srt', 'vtt', 'verbose_json', 'diarized_json'] as const) {
    expect(() => write(format)).toThrow(/gave no times/);
  }
});

it('writes hours, and rounds', async () => {
  const { write } = await read([{ text, segments: [{ start: 3599.9996, end: 3661.0104, text: 'late' }] }]);
  expect(write('srt')).toContain('01:00:00,000 --> 01:01:01,010');
});
