import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anthropicClient } from './matrix/anthropic-client.ts';
import { cells, type Upstream } from './matrix/cells.ts';
import { type Client, type Opening, watch } from './matrix/client.ts';
import { geminiClient } from './matrix/gemini-client.ts';
import { openaiChatClient } from './matrix/openai-chat-client.ts';
import { openaiResponsesClient } from './matrix/openai-responses-client.ts';
import { type Result, renderTable, sectionOf, withSection } from './matrix/table.ts';
import { openWorld, type World } from './matrix/world.ts';

const clients: Record<string, (opening: Opening) => Client> = {
  'openai chat': openaiChatClient,
  'openai responses': openaiResponsesClient,
  'anthropic messages': anthropicClient,
  'google genai': geminiClient,
};

const upstreams: Upstream[] = [
  { name: 'OpenAI', model: 'openai/gpt-5.5' },
  { name: 'Anthropic', model: 'anthropic/claude-sonnet-5' },
  { name: 'Google', model: 'google/gemini-3.8-flash' },
  { name: 'OpenAI-compatible', model: 'mistral/mistral-large-2512', thinker: 'groq/openai/gpt-oss-120b' },
];

const results: Result[] = [];
let world: World;

beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world?.close());

for (const [name, open] of Object.entries(clients)) {
  for (const upstream of upstreams) {
    describe(`${name} → ${upstream.name}`, () => {
      for (const cell of cells) {
        it(cell.name, async () => {
          const watched = watch();
          const client = open({ url: world.gateway.url, key: world.gateway.appKey, watch: watched });
          const result: Result = { client: name, upstream: upstream.name, cell: cell.name, outcome: { failed: true } };
          results.push(result);
          result.outcome = await cell.run({ client, watch: watched, upstream, world });
        });
      }
    });
  }
}

it('the README shows this table', (context) => {
  if (results.length < Object.keys(clients).length * upstreams.length * cells.length) context.skip('a part of it ran');
  const file = resolve(import.meta.dirname, '../../README.md');
  const readme = readFileSync(file, 'utf8');
  const table = renderTable(results);
  if (process.env.ATELIER_WRITE_MATRIX === '1') writeFileSync(file, withSection(readme, table));
  else expect(sectionOf(readme), 'ATELIER_WRITE_MATRIX=1 writes it').toBe(table);
});
