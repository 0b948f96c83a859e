import type { JsonObject } from '../../../src/contract/index.ts';
import { WireError } from './wire.ts';

type SpeechModel = {
  id: string;
  name: string;
  /** Credits for a character. */
  credits: number;
  /** Most characters of one request. */
  most: number;
  /** Takes `language_code`. */
  language: boolean;
  dialogue: boolean;
};

const speechModels: SpeechModel[] = [
  { id: 'eleven_v3', name: 'Eleven v3', credits: 1, most: 5000, language: true, dialogue: true },
  {
    id: 'eleven_multilingual_v2',
    name: 'Eleven Multilingual v2',
    credits: 1,
    most: 10_000,
    language: false,
    dialogue: false,
  },
  { id: 'eleven_flash_v2_5', name: 'Eleven Flash v2.5', credits: 0.5, most: 40_000, language: true, dialogue: false },
  { id: 'eleven_flash_v2', name: 'Eleven Flash v2', credits: 0.5, most: 30_000, language: true, dialogue: false },
  { id: 'eleven_turbo_v2_5', name: 'Eleven Turbo v2.5', credits: 0.5, most: 40_000, language: true, dialogue: false },
  { id: 'eleven_turbo_v2', name: 'Eleven Turbo v2', credits: 0.5, most: 30_000, language: true, dialogue: false },
];

/** The speech model of a request, or the vendor's refusal. */
export function requireSpeech(id: string): SpeechModel {
  const found = speechModels.find((model) => model.id === id);
  if (found) return found;
  const message = `A model with model ID ${id.slice(0, 100)} does not exist.`;
  throw new WireError(404, message, 'model_not_found', { param: 'model_id' });
}

/** GET /v1/models */
export function listModels(): Response {
  return Response.json(
    speechModels.map(
      ({ id, name, credits, most }): JsonObject => ({
        model_id: id,
        name,
        can_be_finetuned: false,
        can_do_text_to_speech: true,
        can_do_voice_conversion: false,
        can_use_style: !/flash|turbo/.test(id),
        can_use_speaker_boost: !/flash|turbo/.test(id),
        serves_pro_voices: false,
        token_cost_factor: credits,
        description: `${name}, simulated.`,
        requires_alpha_access: false,
        max_characters_request_free_user: Math.min(most, 2500),
        max_characters_request_subscribed_user: most,
        maximum_text_length_per_request: most,
        languages: [
          { language_id: 'en', name: 'English' },
          { language_id: 'de', name: 'German' },
          { language_id: 'fr', name: 'French' },
        ],
        model_rates: { character_cost_multiplier: credits, cost_discount_multiplier: 1 },
        concurrency_group: credits < 1 ? 'turbo' : 'standard',
      }),
    ),
  );
}

const voices: [name: string, id: string, gender: string][] = [
  ['Rachel', '21m00Tcm4TlvDq8ikWAM', 'female'],
  ['Aria', '9BWtsMINqrJLrRacOk9x', 'female'],
  ['Roger', 'CwhRBWXzGAHq8TQ4Fs17', 'male'],
  ['Sarah', 'EXAVITQu4vr4xnSDxMaL', 'female'],
  ['Laura', 'FGY2WhTYpPnrIDTdsKH5', 'female'],
  ['Charlie', 'IKne3meq5aSn9XLyUdCD', 'male'],
  ['George', 'JBFqnCBsd6RMkjVDRZzb', 'male'],
  ['Callum', 'N2lVS1w4EtoT3dr4eOWO', 'male'],
  ['River', 'SAz9YHcvj6GT2YYXdXww', 'neutral'],
  ['Liam', 'TX3LPaxmHKxFdv7VOQHJ', 'male'],
  ['Charlotte', 'XB0fDUnXU5powFXDhCwa', 'female'],
  ['Alice', 'Xb7hH8MSUJpSbSDYk0k2', 'female'],
  ['Matilda', 'XrExE9yKIg1WjnnlVkGX', 'female'],
  ['Will', 'bIHbv24MWmeRgasZH58o', 'male'],
  ['Jessica', 'cgSgspJ2msm6clMCkdW9', 'female'],
  ['Eric', 'cjVigY5qzO86Huf0OWal', 'male'],
  ['Chris', 'iP95p4xoKVk53GoZ742B', 'male'],
  ['Brian', 'nPczCjzI2devNBz1zQrb', 'male'],
  ['Daniel', 'onwK4e9ZLuTAKqWW03F9', 'male'],
  ['Lily', 'pFZP5JQG7iQjIQuC4Bku', 'female'],
  ['Bill', 'pqHfZKP75CvOlQylNhV4', 'male'],
  ['Adam', 'pNInz6obpgDQGcFmaJgB', 'male'],
  ['Domi', 'AZnzlk1XvdvUeBnXmlld', 'female'],
  ['Antoni', 'ErXwobaYiN019PkySvjV', 'male'],
  ['Elli', 'MF3mGyEYCl7XYWbV9V6O', 'female'],
  ['Josh', 'TxGEqnHWrfWFTfGW9XjX', 'male'],
  ['Arnold', 'VR6AewLTigWG4xSOukaG', 'male'],
  ['Sam', 'yoZ06aMxZJJ28mfd3POQ', 'male'],
];

/** The voice that an id stands for, or the vendor's refusal. */
export function requireVoice(id: string): string {
  if (voices.some(([, known]) => known === id)) return id;
  const message = `A voice with the voice_id ${id.slice(0, 100)} was not found.`;
  throw new WireError(404, message, 'voice_not_found', { param: 'voice_id' });
}

/** GET /v1/voices */
export function listVoices(): Response {
  return Response.json({
    voices: voices.map(([name, id, gender]) => ({
      voice_id: id,
      name,
      category: 'premade',
      labels: { gender, accent: 'american', use_case: 'narration' },
      available_for_tiers: [],
      high_quality_base_model_ids: speechModels.map((model) => model.id),
    })),
  });
}
