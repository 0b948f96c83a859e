import type { JsonObject, MediaPort, MusicRequest, Part } from '../../src/contract/index.ts';
import { mediaTypeOf } from './bytes.ts';
import { answerParts, generate, nothingMade } from './google-client.ts';
import { completed, failed, mediaParts, runMedia, textOf, usageOf } from './google-media.ts';
import { dropped, present, refuse } from './params.ts';

/** Music by Lyria: one MP3 a call, its lyrics as text. Billed by song. @see https://ai.google.dev/gemini-api/docs/music-generation */
export const googleMusic: Pick<MediaPort<'music'>, 'submit'> = {
  submit: (request, call) =>
    runMedia(call, 'music', async (client) => {
      if (request.format !== undefined && request.format !== 'mp3')
        throw refuse('format', `Lyria cannot be asked for "${request.format}".`, ['mp3']);
      if (request.audio) throw refuse('audio', 'Lyria takes no audio input.');
      const clip = call.model.includes('clip');
      if (clip && request.seconds !== undefined && request.seconds !== 30) {
        throw refuse('seconds', `${call.model} always makes 30 seconds.`, ['30']);
      }
      const response = await generate(client, call, {
        contents: [{ role: 'user', parts: [{ text: songPrompt(request, clip) }] }],
        config: present({ responseModalities: ['AUDIO', 'TEXT'], seed: request.seed }) as JsonObject,
        params: request.params,
      });
      const parts = answerParts(response);
      const songs = mediaParts(parts, 'audio');
      if (songs.length === 0) return failed(call, 'music', nothingMade(response, 'music'), response.usageMetadata);
      const outputs: Part[] = songs.map(({ mediaType, bytes }) => ({
        type: 'asset',
        asset: { mediaType: mediaTypeOf(bytes) ?? mediaType, bytes },
      }));
      const lyrics = textOf(parts).trim();
      if (lyrics) outputs.push({ type: 'text', text: lyrics });
      const usage = usageOf(call, 'music', response.usageMetadata, { response: { audio_parts: songs.length } });
      return completed(outputs, usage, dropped('google', { user: request.user }));
    }),
};

function songPrompt(request: MusicRequest, clip: boolean): string {
  const length = !clip && request.seconds !== undefined ? `\n\nLength: ${request.seconds} seconds.` : '';
  const wordless = request.instrumental ? '\n\nInstrumental, no vocals.' : '';
  return `${request.prompt}${length}${wordless}${request.lyrics ? `\n\nLyrics:\n${request.lyrics}` : ''}`;
}
