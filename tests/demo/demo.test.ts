import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseFile } from 'music-metadata';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import models from '../../config/models.json' with { type: 'json' };
import { runDemo } from '../../src/demo/demo.ts';
import { forecastLines } from '../../src/demo/forecast-table.ts';
import { trianglesOf } from '../../src/demo/glb.ts';
import { plan, spoken } from '../../src/demo/plan.ts';
import { layOut, painterFor, type Sink } from '../../src/demo/terminal.ts';
import { wordsHeard } from '../../src/demo/words.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { pico } from '../support/money.ts';

type Line = {
  type: string;
  name: string;
  state: string;
  modality: string;
  simulated: boolean;
  outputs: { file: string; bytes: number; seconds: number; width?: number; height?: number; triangles?: number }[];
  words_heard: number;
  words_said: number;
  latency_ms: number;
  cost_usd: string;
  units: { unit: string; unit_cost_usd: string }[];
  error?: { code: string };
  rows: { modality: string; cost_usd: string }[];
  total_usd: string;
  receipts_usd: string;
  total: { multiple: number; cost_usd: string; unpriced: number }[];
};

const folders: string[] = [];
const folder = () => {
  const made = mkdtempSync(join(tmpdir(), 'atelier-demo-test-'));
  folders.push(made);
  return made;
};

async function demo(argv: string[], env: Record<string, string> = {}, terminal?: Partial<Sink>, signal?: AbortSignal) {
  const written = { out: '', err: '' };
  const sink = (name: 'out' | 'err'): Sink => ({
    ...terminal,
    write: (text) => {
      written[name] += text;
    },
  });
  const world = { env, stdout: sink('out'), stderr: sink('err'), signal: signal ?? new AbortController().signal };
  const code = await runDemo(argv, world);
  return { code, ...written };
}

const linesOf = (text: string) => text.trim().split('\n');
const parsed = (text: string) => linesOf(text).map((line) => JSON.parse(line) as Line);

afterAll(() => {
  for (const made of folders) rmSync(made, { recursive: true, force: true });
});

describe('the demo on a running gateway', () => {
  let gateway: RunningGateway;
  const out = folder();
  const jobs = plan.filter((job) => ['text', 'speech', 'transcription'].includes(job.modality));
  let ran: Awaited<ReturnType<typeof demo>>;

  beforeAll(async () => {
    gateway = await startGateway();
    const only = ['--only', 'text,speech,transcription', '--out', out];
    ran = await demo(['--url', `${gateway.url}/`, '--key', gateway.appKey, ...only]);
  });
  afterAll(() => gateway?.close());

  it('ends well, with one line of progress for every finished job and no escape codes off a terminal', () => {
    expect(ran.code, ran.err + ran.out).toBe(0);
    expect(linesOf(ran.err)).toHaveLength(jobs.length + 1);
    expect(ran.err).toMatch(new RegExp(`^ ?${jobs.length}/${jobs.length} ✓`, 'm'));
    expect(ran.err + ran.out).not.toContain('\x1b');
  });

  it('shows a row for every job: model, measure, cost and unit cost', () => {
    const rows = linesOf(ran.out).slice(1, jobs.length + 1);
    for (const [place, job] of jobs.entries())
      expect(rows[place]).toMatch(new RegExp(`^${job.modality} +${job.model} `));
    const row = (name: string) => rows[jobs.findIndex((job) => job.name === name)];
    expect(row('text-openai-gpt-5.5')).toMatch(/ \d+ words .* \$[\d.]+ +\$[\d.]+\/1M tokens/);
    expect(row('text-streamed-anthropic-claude-sonnet-5')).toMatch(/ words, first after \d\.\d\d s /);
    expect(row('speech-openai-gpt-4o-mini-tts')).toMatch(/ 4\.\d\d s .*\/minute, \$[\d.]+\/1k characters/);
    expect(row('transcription-openai-whisper-1')).toMatch(/ 14 of 14 words heard .*\/minute/);
  });

  it('saves text, sound that lasts as long as it says, and the words that were spoken', async () => {
    const files = readdirSync(out);
    for (const job of jobs)
      expect(
        files.some((file) => file.startsWith(`${job.name}.`)),
        job.name,
      ).toBe(true);
    const read = (name: string) => readFileSync(join(out, name), 'utf8');
    expect(read('text-google-gemini-3.8-flash.txt')).toContain('what does a lighthouse keeper do at dusk?');
    for (const job of jobs.filter((one) => one.modality === 'transcription')) {
      expect(read(`${job.name}.txt`)).toBe(`${spoken}\n`);
    }
    for (const file of ['speech-openai-gpt-4o-mini-tts.mp3', 'speech-google-gemini-3.8-flash-tts.wav']) {
      expect((await parseFile(join(out, file))).format.duration).toBeCloseTo(spoken.length / 15, 0);
    }
  });

  it('closes with the spend of this run by modality, equal to its receipts', async () => {
    const spend = ran.out.slice(ran.out.indexOf('Spend of this run'));
    const total = /^total +(\d+) +\$([\d.]+)/m.exec(spend);
    expect(total?.[1]).toBe(String(jobs.length));
    expect(spend).toContain(`The receipts add up to $${total?.[2]}, as the book does`);
    expect(spend).toMatch(/^speech +2 .*146 characters/m);
    const headers = { authorization: `Bearer ${gateway.appKey}` };
    const answer = await fetch(`${gateway.url}/v1/spend?simulated=include`, { headers });
    expect(((await answer.json()) as { total_usd: string }).total_usd).toBe(total?.[2]);
  });

  it('ends with the curve by modality up to a hundredfold and a line of break-even', async () => {
    const end = ran.out.slice(ran.out.indexOf('at more volume'));
    expect(end).toMatch(/^modality +outputs a month +1x +3x +10x +30x +100x$/m);
    const spend = /^total +\d+ +\$([\d.]+)/m.exec(ran.out)?.[1] ?? '';
    const curve = /^total +(\d+) +\$([\d.]+) +\$[\d.]+ +\$([\d.]+) /m.exec(end) ?? [];
    expect(curve[1]).toBe(String(jobs.length));
    expect(Number(curve[2])).toBeCloseTo(Number(spend), 5);
    expect(Number(curve[3]) / Number(curve[2])).toBeCloseTo(10, 1);
    for (const modality of ['text', 'speech', 'transcription']) {
      expect(end).toMatch(new RegExp(`^${modality} +\\d+ +\\$`, 'm'));
    }
    expect(linesOf(ran.out).at(-1)).toBe('Break-even: nothing in this mix is set against a machine of your own.');
    const images = await demo(['--url', gateway.url, '--key', gateway.appKey, '--only', 'image', '--out', folder()]);
    expect(linesOf(images.out).at(-1)).toMatch(
      /^Break-even: .*flux-schnell at \$0\.003 an output .*\$1\.2 to 3\.51 an hour, 2 to 4 s .* from 292000 outputs a month at best, never at worst\.$/,
    );
  });

  it('makes films, sounds and 3D models, opens and measures them', async () => {
    const only = ['--only', 'video,sound_effect,model3d', '--out', folder()];
    const { code, out, err } = await demo(['--json', '--url', gateway.url, '--key', gateway.appKey, ...only]);
    expect(code, err + out).toBe(0);
    const lines = parsed(out);
    const results = lines.filter((line) => line.type === 'result');
    expect(results).toHaveLength(6);
    for (const { modality, outputs, units, cost_usd } of results) {
      const [made] = outputs;
      const bytes = readFileSync(made!.file);
      expect(bytes.length).toBe(made!.bytes);
      expect(Number(cost_usd)).toBeGreaterThan(0);
      if (modality === 'model3d') {
        expect(bytes.subarray(0, 4).toString()).toBe('glTF');
        expect(made!.triangles).toBeGreaterThan(0);
        expect(units).toMatchObject([{ unit: 'model3d', unit_cost_usd: cost_usd }]);
      } else {
        expect(made!.seconds).toBeGreaterThan(1);
        expect(units).toMatchObject([{ unit: 'minute' }]);
      }
      if (modality === 'video') expect([made!.width, made!.height]).toContain(made!.width! > 700 ? 1280 : 640);
    }
    const spend = lines.find((line) => line.type === 'spend')!;
    expect(spend.rows.map((row) => row.modality)).toEqual(['model3d', 'sound_effect', 'video']);
    expect(results.reduce((sum, line) => sum + pico(line.cost_usd), 0n)).toBe(pico(spend.total_usd));
  });

  it('counts only its own generations in a second run', async () => {
    const again = await demo(['--url', gateway.url, '--key', gateway.appKey, '--only', 'embedding', '--out', folder()]);
    expect(again.out).toMatch(/^total +2 /m);
  });

  it('draws live lines on a terminal, colours them, and leaves the cursor as it was', async () => {
    const argv = ['--url', gateway.url, '--key', gateway.appKey, '--only', 'embedding', '--out', folder()];
    const colourful = await demo(argv, {}, { isTTY: true, columns: 80, rows: 24 });
    expect(colourful.err).toMatch(/⠋ embedding +openai\/text-embedding-3-small \d\.\d s/);
    expect(colourful.err).toContain('\x1b[32m✓');
    expect(colourful.err.endsWith('\x1b[?25h')).toBe(true);
    expect(colourful.out, 'too narrow for file names').not.toContain('embedding-openai-text-embedding-3-small.json');
    const plain = await demo(argv, { NO_COLOR: '1' }, { isTTY: true, columns: 200 });
    for (const code of ['31', '32', '33', '2', '1']) expect(plain.err + plain.out).not.toContain(`\x1b[${code}m`);
    expect(plain.out).toContain('embedding-openai-text-embedding-3-small.json');
  });
});

describe('the demo on its own gateway', () => {
  it('writes NDJSON, runs the speech that a transcription needs, and sums to the book', async () => {
    const data = folder();
    const { code, out, err } = await demo(['--json', '--only', 'transcription', '--out', folder(), '--data', data]);
    expect(code, err).toBe(0);
    const lines = parsed(out);
    const results = lines.filter((line) => line.type === 'result');
    expect(results.map((line) => line.modality).sort()).toEqual([
      ...['speech', 'speech', 'transcription', 'transcription', 'transcription'],
    ]);
    for (const line of results) {
      expect(line).toMatchObject({ state: 'done', simulated: true, latency_ms: expect.any(Number) });
      expect(readFileSync(line.outputs[0]!.file).length).toBe(line.outputs[0]!.bytes);
      expect(line.units.map((unit) => unit.unit)).toContain('minute');
      if (line.modality === 'transcription') expect([line.words_heard, line.words_said]).toEqual([14, 14]);
    }
    const [spend, forecast] = lines.slice(-2) as [Line, Line];
    expect([spend.type, forecast.type]).toEqual(['spend', 'forecast']);
    expect(forecast.rows.map((row) => row.modality)).toContain('transcription');
    expect(forecast.total[0]).toEqual({ multiple: 1, cost_usd: spend.total_usd, unpriced: 0 });
    expect(spend.rows.map((row) => row.modality)).toEqual(['speech', 'transcription']);
    expect(results.reduce((sum, line) => sum + pico(line.cost_usd), 0n)).toBe(pico(spend.total_usd));
    expect(spend.receipts_usd).toBe(spend.total_usd);
    expect(readdirSync(data)).toEqual(expect.arrayContaining(['app.key', 'books']));
  });

  it('exits 1 when a job fails, skips what hung on it, and goes on with the rest', async () => {
    const env = { ATELIER_SIMULATE: 'auto', OPENAI_API_KEY: 'sk-none', OPENAI_BASE_URL: 'http://127.0.0.1:9/v1' };
    const { code, out } = await demo(['--json', '--only', 'transcription', '--out', folder()], env);
    expect(code).toBe(1);
    const states = new Map(parsed(out).map((line) => [line.name, line.error?.code ?? line.state]));
    expect(states.get('speech-openai-gpt-4o-mini-tts')).toBe('provider_unavailable');
    expect(states.get('transcription-openai-gpt-4o-transcribe')).toBe('skipped');
    expect(states.get('transcription-google-gemini-3.5-transcribe')).toBe('done');
  });

  it('skips models that the gateway does not offer, and says so', async () => {
    const { code, out } = await demo(['--only', 'music', '--out', folder()], { ATELIER_SIMULATE: 'off' });
    expect(out).toMatch(/^music +google\/lyria-3\.5 +skipped: this gateway does not offer it$/m);
    expect(out).toContain('0 done, 0 failed, 2 skipped');
    expect(code).toBe(1);
  });

  it('stops when interrupted', async () => {
    const before = readdirSync(tmpdir()).filter((name) => /^atelier-demo-(?!test)/.test(name));
    await expect(demo(['--out', folder()], {}, {}, AbortSignal.abort(new Error('Interrupted.')))).rejects.toThrow();
    expect(readdirSync(tmpdir()).filter((name) => /^atelier-demo-(?!test)/.test(name))).toEqual(before);
  });
});

describe('the command line', () => {
  it.each([
    [['--only', 'sculpture'], /text, image.*"sculpture"/],
    [['--frames'], /--frames/],
    [['--url', 'http://127.0.0.1:1'], /needs --key/],
    [['--key', 'atl_x'], /goes with --url/],
    [['--url', 'ftp://x', '--key', 'k'], /no http address/],
    [['--url', 'http://127.0.0.1:1', '--key', 'k', '--data', 'd'], /cannot go with/],
  ])('refuses %j with exit code 2', async (argv, words) => {
    const { code, err, out } = await demo(argv);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(words);
  });

  it('explains itself', async () => {
    const { code, out } = await demo(['--help']);
    expect(code).toBe(0);
    for (const flag of ['--url', '--key', '--data', '--out', '--only', '--json']) expect(out).toContain(flag);
  });

  it('says when no gateway answers', async () => {
    await expect(demo([], { ATELIER_URL: 'http://127.0.0.1:9', ATELIER_KEY: 'k' })).rejects.toThrow(
      'No gateway answers on http://127.0.0.1:9',
    );
  });
});

describe('the parts', () => {
  it('shows a forecast with what is unknown beside the money', () => {
    const paint = painterFor({ write: () => {} }, {});
    const point = (multiple: number, cost_usd: string | null, cost_status: string) => {
      return { multiple, outputs: multiple, cost_usd, cost_status };
    };
    const row = (modality: string, one: string | null, ten: string | null) => {
      const status = one === null ? 'unpriced' : 'priced';
      const curve = [point(1, one, status), point(10, ten, status)];
      return {
        modality,
        model: 'house/x',
        per_month: 1,
        unit_cost_usd: one,
        units: [],
        cost_basis: '',
        curve,
        assumptions: [],
      };
    };
    const lines = forecastLines(
      {
        rows: [row('image', '1.23456', '12.3456'), row('image', null, null), row('video', null, null)],
        total: [
          { multiple: 1, cost_usd: '1.23456', unpriced: 2 },
          { multiple: 10, cost_usd: '12.3456', unpriced: 20 },
        ],
        break_even: [],
      },
      paint,
    );
    expect(lines).toEqual([
      'modality  outputs a month        1x       10x',
      'image                   2   $1.235+   $12.35+',
      'video                   1  unpriced  unpriced',
      'total                   3   $1.235+   $12.35+',
      '+ and what has no known price: 2 outputs a month.',
      '',
      'Break-even: nothing in this mix is set against a machine of your own.',
    ]);
    expect(forecastLines({ rows: [], total: [], break_even: [] }, paint)).toEqual([
      'The book has nothing to forecast from.',
    ]);
  });

  it('plans only models of the catalogue, each under a name of its own', () => {
    const known = new Map(models.models.map((model) => [model.id, model.modality]));
    for (const job of plan) expect(known.get(job.model), job.model).toBe(job.modality);
    expect(new Set(plan.map((job) => job.name)).size).toBe(plan.length);
  });

  it('lines numbers up at their point', () => {
    const paint = painterFor({ write: () => {} }, {});
    const table = layOut(
      [{ title: 'what' }, { title: 'cost', align: 'point' }, { title: 'n', align: 'right' }],
      [
        ['a', '$10', '7'],
        ['bb', '$0.25', '12'],
        ['c', 'unpriced'],
      ],
      paint,
    );
    expect(table.split('\n')).toEqual([
      'what      cost   n',
      'a       $10      7',
      'bb       $0.25  12',
      'c     unpriced',
    ]);
  });

  it('counts the words that were heard in order', () => {
    expect(wordsHeard('The lamp is lit.', 'the LAMP, is lit')).toEqual({ heard: 4, said: 4 });
    expect(wordsHeard('one two three four', 'four one three')).toEqual({ heard: 2, said: 4 });
    expect(wordsHeard('one two', '')).toEqual({ heard: 0, said: 2 });
  });
});

describe('triangles of a binary glTF file', () => {
  const file = (scene: unknown, magic = 0x46546c67) => {
    const json = new TextEncoder().encode(JSON.stringify(scene));
    const bytes = new Uint8Array(20 + json.length);
    const view = new DataView(bytes.buffer);
    for (const [place, word] of [magic, 2, bytes.length, json.length, 0x4e4f534a].entries())
      view.setUint32(place * 4, word, true);
    bytes.set(json, 20);
    return bytes;
  };
  it('by index, by position, of triangles alone', () => {
    const primitives = [{ indices: 0 }, { attributes: { POSITION: 1 } }, { indices: 0, mode: 1 }];
    expect(trianglesOf(file({ accessors: [{ count: 36 }, { count: 6 }], meshes: [{ primitives }] }))).toBe(14);
    expect(trianglesOf(file({}))).toBe(0);
    expect(trianglesOf(file({}, 1))).toBeUndefined();
    expect(trianglesOf(file({}).subarray(0, 21))).toBeUndefined();
    expect(trianglesOf(new Uint8Array(3))).toBeUndefined();
  });
});
