import { toBase64 } from '../base64.ts';
import { musicPcm, png, readSpokenText, wav } from '../media/index.ts';
import type { SimulatorContext } from '../simulator.ts';
import { type TaskFault, taskFaultIn } from '../tasks.ts';
import { fromBase64 } from './base64.ts';
import { blobsOf, type Content, textOf } from './contents.ts';
import { Refused } from './errors.ts';
import type { MadeCandidate } from './made.ts';
import type { Kind } from './models.ts';

const media: Kind[] = ['image', 'speech', 'music', 'transcription'];

/**
 * How a directive wants a media call to end, in its words or in those of its sound: `filtered` stops the prompt, `empty` and
 * `wrong-type` change what comes out. `[[fail]]` ends it here, unbilled.
 */
export function directiveOf(
  context: SimulatorContext,
  kind: Kind,
  request: Request,
  contents: Content[] = [],
): TaskFault | undefined {
  if (!context.faults || !media.includes(kind)) return undefined;
  const said = blobsOf(contents, 'audio/').map((blob) =>
    readSpokenText(fromBase64(blob.data ?? '') ?? new Uint8Array()),
  );
  const fault = taskFaultIn(context, [...contents.map(textOf), ...said].join('\n'), request);
  if (fault === 'fail') throw new Refused(500, 'An internal error has occurred.');
  return fault;
}

/** Nothing but what was thought, or media of another kind than the model makes. */
export function redirected(candidate: MadeCandidate, fault: TaskFault | undefined): MadeCandidate {
  if (fault === 'empty') return { ...candidate, parts: candidate.parts.filter((one) => one.thought) };
  if (fault !== 'wrong-type') return candidate;
  return {
    ...candidate,
    parts: candidate.parts.map(({ steps: _, ...made }) => {
      if (made.modality === 'TEXT') return made;
      return { ...made, part: { ...made.part, inlineData: made.modality === 'IMAGE' ? sound() : picture() } };
    }),
  };
}

function picture() {
  return { mimeType: 'image/png', data: toBase64(png({ width: 64, height: 64, seed: 'stray' })) };
}

function sound() {
  const shape = { sampleRate: 8_000, channels: 1 } as const;
  const bytes = wav(musicPcm({ prompt: 'stray', seconds: 1, seed: 'stray', ...shape }), shape);
  return { mimeType: 'audio/wav', data: toBase64(bytes) };
}
