import { expect } from 'vitest';
import { stringAt } from '../../../src/contract/index.ts';
import { completed, expectBilled, expectDecodable, fails, hasFiles, type MediaCase, until } from './checks.ts';
import type { Mark } from './table.ts';

/** How a media generation may go, whoever makes it. */
export const mediaCases: MediaCase[] = [
  {
    name: 'completes',
    applies: () => true,
    run: async (row, stage) => {
      const generation = await completed(row, stage.quick, 'the harbour');
      await expectDecodable(row, stage.quick, generation);
      return expectBilled(row, stage, generation);
    },
  },
  {
    name: 'cancel',
    applies: () => true,
    run: async (row, stage) => {
      const { steady, world } = stage;
      if (!row.job) {
        const id = await steady.begin(row.write('the harbour'));
        const answer = await steady.send('POST', `/v1/generations/${id}/cancel`);
        // A call may be over before it can be refused.
        expect([200, 409]).toContain(answer.status);
        if (answer.status === 200) expect(answer.body.status).toBe('completed');
        else expect(answer.body).toMatchObject({ error: { code: 'invalid_request' } });
        return expectBilled(row, stage, await steady.end(id));
      }
      let mark: Mark = 'ok';
      for (const state of ['queued', 'running']) {
        const id = await steady.begin(row.write('[[slow]] the harbour'));
        const begun = await until('the job', () => world.asked(id) || undefined);
        if (state === 'running') await until('a look', () => world.asked(id) > begun || undefined);
        const answer = await steady.send('POST', `/v1/generations/${id}/cancel`);
        if (!row.cancels) {
          expect(answer.status, JSON.stringify(answer.body)).toBe(409);
          expect((await steady.end(id)).status).toBe('completed');
          return '409';
        }
        expect(answer.status).toBe(200);
        const ended = await steady.end(id);
        expect(ended.status, JSON.stringify(ended)).toBe('canceled');
        if (expectBilled(row, stage, ended, 1, true) === '≤') mark = '≤';
      }
      return mark;
    },
  },
  {
    name: 'fail',
    applies: () => true,
    run: (row, stage) => fails(row, stage, '[[fail]] the harbour', 'provider_error'),
  },
  {
    // Vectors are not watched by any policy, and machines of one's own have none.
    name: 'filtered',
    applies: (row) => row.modality !== 'embedding' && !row.own,
    run: (row, stage) => fails(row, stage, '[[filtered]] the harbour', 'content_policy'),
  },
  {
    name: 'empty',
    applies: () => true,
    run: async (row, stage) => {
      if (row.modality !== 'transcription') return fails(row, stage, '[[empty]] the harbour', 'invalid_output');
      // Silence has a transcript, too: nothing.
      const generation = await stage.quick.end(await stage.quick.begin(row.write('[[empty]] the harbour')));
      if (generation.status === 'completed') expect(generation.outputs).toMatchObject([{ type: 'text', text: '' }]);
      else expect(stringAt(generation, 'error', 'code')).toBe('invalid_output');
      return expectBilled(row, stage, generation);
    },
  },
  {
    name: 'wrong type',
    applies: hasFiles,
    run: (row, stage) => fails(row, stage, '[[wrong-type]] the harbour', 'invalid_output'),
  },
  {
    name: 'slow',
    applies: (row) => row.job,
    run: async (row, stage) => {
      const generation = await completed(row, stage.quick, '[[slow]] the harbour');
      expect(stage.world.asked(String(generation.id))).toBeGreaterThan(6);
      return expectBilled(row, stage, generation);
    },
  },
  {
    name: 'expired URL',
    applies: (row) => row.job && hasFiles(row),
    run: (row, stage) => fails(row, stage, '[[expired]] the harbour', 'invalid_output'),
  },
];
