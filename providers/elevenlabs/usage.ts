import { at, type Json, numberAt, type Observed, stringAt, type Usage } from '../../src/contract/index.ts';
import { charactersOf, figureAt, firstFigure, headerFigure } from '../shared/asked.ts';
import { Leaves } from '../shared/leaves.ts';
import { readDerivedUsage } from '../shared/usage-derived.ts';

/**
 * What a call consumed. Speech and sound effects say in the header `character-cost` how many credits they took, after the model's own
 * discount; without it speech is counted by its characters. Transcription is billed by the length of the audio (`audio_duration_secs`),
 * music by the length asked for, else by what came out (`response.seconds`, measured by the adapter).
 * @see https://elevenlabs.io/pricing/api
 */
export function readUsage(observed: Observed): Usage | undefined {
  const { modality, request, response, headers, sold } = observed;
  if (modality === 'transcription') return readHeard(observed);
  if (modality === 'music') return readMade(request, response) ?? readDerivedUsage(observed);
  const credits = headerFigure(headers, 'character-cost');
  if (credits !== undefined) {
    const byCharacter = sold?.includes('input_characters') && !sold.includes('provider_credits');
    const leaves = byCharacter
      ? new Leaves().add('input_characters', credits)
      : new Leaves().add('provider_credits', credits, { dims: { unit: 'credit' } });
    return leaves.usage('header', { raw: idsOf(headers) });
  }
  if (modality === 'sound_effect') return readMade(request, response) ?? readDerivedUsage(observed);
  const inputs = at(request, 'inputs');
  if (!Array.isArray(inputs)) return readDerivedUsage(observed);
  const spoken = inputs.reduce((sum: number, line) => sum + (charactersOf(stringAt(line, 'text')) ?? 0), 0);
  return new Leaves().add('input_characters', spoken).usage('derived');
}

function readHeard(observed: Observed): Usage | undefined {
  const told =
    firstFigure(observed.response, 'audio_duration_secs', 'audioDurationSecs') ??
    figureAt(observed.usage, 'audio_duration_secs');
  if (told !== undefined) {
    return new Leaves().add('input_audio_seconds', told).usage('body', { raw: { audio_duration_secs: told } });
  }
  const derived = readDerivedUsage(observed);
  if (derived) return derived;
  // Older answers do not say how long the audio was: it lasted at least until its last word.
  const words = at(observed.response, 'words');
  const ends = (Array.isArray(words) ? words : []).map((word) => numberAt(word, 'end') ?? 0);
  return new Leaves().add('input_audio_seconds', ends.length > 0 ? Math.max(...ends) : undefined).usage('estimated');
}

/** Seconds of sound: those that were ordered are billed, else those that were delivered. */
function readMade(request: Json | undefined, response: Json | undefined): Usage | undefined {
  const milliseconds = firstFigure(request, 'music_length_ms', 'musicLengthMs') ?? plannedMilliseconds(request);
  const asked = milliseconds === undefined ? figureAt(request, 'duration_seconds') : milliseconds / 1000;
  return new Leaves().add('output_audio_seconds', asked ?? figureAt(response, 'seconds')).usage('derived');
}

function plannedMilliseconds(request: Json | undefined): number | undefined {
  const sections = at(request, 'composition_plan', 'sections');
  if (!Array.isArray(sections) || sections.length === 0) return undefined;
  return sections.reduce((sum: number, section) => sum + (numberAt(section, 'duration_ms') ?? 0), 0);
}

/** The figure as it stood there, with the ids by which the vendor finds the call. */
function idsOf(headers: Record<string, string> = {}): Record<string, string> {
  const wanted = ['character-cost', 'request-id', 'history-item-id'];
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return Object.fromEntries(lower.filter(([name]) => wanted.includes(name)));
}
