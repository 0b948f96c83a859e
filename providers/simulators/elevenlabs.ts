import { compose, soundGeneration } from './elevenlabs/compose.ts';
import { Desk } from './elevenlabs/desk.ts';
import { speechToText } from './elevenlabs/listen.ts';
import { listModels, listVoices } from './elevenlabs/models.ts';
import { textToDialogue, textToSpeech } from './elevenlabs/speak.ts';
import { WireError } from './elevenlabs/wire.ts';
import {
  createSimulator,
  type Simulator,
  type SimulatorContext,
  type SimulatorHandler,
  type SimulatorOptions,
} from './simulator.ts';

type Route = [
  methods: string,
  path: RegExp,
  handle: (request: Request, parts: string[]) => Response | Promise<Response>,
];

/**
 * ElevenLabs' HTTP API: speech and dialogues (whole, streamed, with times), transcription, music, sound effects, and what its SDK reads
 * of an account. Speech and effects say in `character-cost` what they are billed. `[[fail]]`, `[[filtered]]`, `[[empty]]` and
 * `[[wrong-type]]` in a text choose that end. https://elevenlabs.io/docs/api-reference
 */
export function elevenlabs(options?: SimulatorOptions): Simulator {
  return createSimulator('elevenlabs', handler, options);
}

function handler(context: SimulatorContext): SimulatorHandler {
  const desk = new Desk(context);
  const manner = (stream: string | undefined, timed: string | undefined) => ({
    streams: stream !== undefined,
    timed: timed !== undefined,
  });
  const routes: Route[] = [
    [
      'POST',
      /\/v1\/text-to-speech\/([^/]+?)(\/stream)?(\/with-timestamps)?$/,
      (request, [, voice = '', stream, timed]) =>
        textToSpeech(desk, request, decodeURIComponent(voice), manner(stream, timed)),
    ],
    [
      'POST',
      /\/v1\/text-to-dialogue(\/stream)?(\/with-timestamps)?$/,
      (request, [, stream, timed]) => textToDialogue(desk, request, manner(stream, timed)),
    ],
    ['POST', /\/v1\/speech-to-text$/, (request) => speechToText(desk, request)],
    ['POST', /\/v1\/music(\/stream)?$/, (request, [, stream]) => compose(desk, request, stream !== undefined)],
    ['POST', /\/v1\/sound-generation$/, (request) => soundGeneration(desk, request)],
    ['GET', /\/v1\/models$/, listModels],
    ['GET', /\/v1\/voices$/, listVoices],
    ['GET', /\/v1\/user\/subscription$/, () => subscription(desk)],
  ];
  return {
    handle: async (request) => {
      const id = context.idFor('', request.url);
      try {
        authenticate(request);
        const { pathname } = new URL(request.url);
        for (const [method, path, handle] of routes) {
          const parts = path.exec(pathname);
          if (parts && request.method === method) return await handle(request, parts);
        }
        return Response.json({ detail: 'Not Found' }, { status: 404 });
      } catch (thrown) {
        if (thrown instanceof WireError) return thrown.toResponse(id);
        throw thrown;
      }
    },
    writeError: (status, message, type) => new WireError(status, message, type).toResponse(),
  };
}

function authenticate(request: Request): void {
  if (request.headers.get('xi-api-key')?.trim()) return;
  throw new WireError(
    401,
    'Neither authorization header nor xi-api-key received, please provide one.',
    'missing_api_key',
  );
}

/** GET /v1/user/subscription */
function subscription(desk: Desk): Response {
  return Response.json({
    tier: 'scale',
    character_count: desk.credits,
    character_limit: 1_800_000,
    max_character_limit_extension: null,
    max_credit_limit_extension: 'unlimited',
    can_extend_character_limit: true,
    allowed_to_extend_character_limit: true,
    voice_slots_used: 0,
    professional_voice_slots_used: 0,
    professional_voice_slots_used_in_workspace: 0,
    voice_limit: 660,
    voice_add_edit_counter: 0,
    professional_voice_limit: 3,
    can_extend_voice_limit: false,
    can_use_instant_voice_cloning: true,
    can_use_professional_voice_cloning: true,
    current_overage: { amount: '0', currency: 'usd' },
    status: 'active',
    open_invoices: [],
    has_open_invoices: false,
  });
}
