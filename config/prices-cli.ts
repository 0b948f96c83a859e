import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { createUsageReader } from '../providers/index.ts';
import { isObject, type Json } from '../src/contract/index.ts';
import { priceObject } from '../src/gateway/price-object.ts';
import { readPriceCall, writePrice } from '../src/http/price-door.ts';
import { createCatalogue } from '../src/meter/catalogue.ts';
import { shipped } from './files.ts';
import { type ForeignCatalogue, readForeignCatalogue } from './foreign-catalogue.ts';
import { lintConfig } from './lint.ts';
import { type Config, loadConfig } from './load.ts';
import { diffPrices, nameOf, propose } from './price-diff.ts';

const usage = `npm run prices -- check [file or folder] [--day YYYY-MM-DD] [--all] [--strict]
    lints the catalogue; with a catalogue of LiteLLM, Portkey or models.dev, lists where the two differ
npm run prices -- price <case.json>
    prices one raw usage object (the body of POST /v1/price; - reads standard input)
npm run prices -- import <file or folder> --provider <id> [--out file] [--day YYYY-MM-DD]
    writes the rows that another catalogue would add or change into a file to review; config/ is not touched`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    day: { type: 'string' },
    provider: { type: 'string' },
    out: { type: 'string' },
    all: { type: 'boolean' },
    strict: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
});
const today = new Date().toISOString().slice(0, 10);
/** Our prices of this day are held against the other catalogue: the day it was made. */
const day = values.day ?? today;

/** `npm run prices`: see `usage`. Exit code 1 for faults (with --strict also for differences), 2 for a wrong call. */
async function main([command, file]: string[]): Promise<number> {
  if (values.help || !command) {
    console.log(usage);
    return values.help ? 0 : 2;
  }
  if (!/^\d{4}-\d\d-\d\d$/.test(day)) throw new RangeError(`--day is a day such as 2026-11-22, not "${day}".`);
  const config = await loadConfig(shipped);
  if (command === 'check') return check(config, file);
  if (command === 'price' && file) return price(config, file);
  if (command === 'import' && file && values.provider) return stage(config, file, values.provider);
  console.error(usage);
  return 2;
}

function check(config: Config, file: string | undefined): number {
  const faults = lintConfig(config, today);
  for (const fault of faults) console.error(`${fault.where}: ${fault.message} [${fault.rule}]`);
  console.log(`${config.prices.length} prices, ${config.hash.slice(0, 19)}: ${faults.length} fault(s)`);
  if (!file) return faults.length > 0 ? 1 : 0;
  const foreign = readForeign(file);
  const diff = diffPrices(config.prices, foreign.prices, day);
  for (const { where, ours, theirs, ratio } of diff.differences) {
    const times = `${ratio.toPrecision(4)} times`;
    console.log(
      `${where}: ${ours.price} per ${ours.per} here (${ours.source}), ${theirs.price} per ${theirs.per} there, ${times}`,
    );
  }
  if (values.all)
    for (const price of diff.lacking) console.log(`${nameOf(price)}: only there, ${price.price} per ${price.per}`);
  const { compared, differences, rounded, lacking, unknown } = diff;
  console.log(
    `${foreign.source} (${foreign.form}): ${compared} prices compared, ${differences.length} differ and ${rounded.length} are rounded; ` +
      `it has ${lacking.length} more of our models and ${unknown.length} of others`,
  );
  return faults.length > 0 || (values.strict && differences.length > 0) ? 1 : 0;
}

function price(config: Config, file: string): number {
  const body = JSON.parse(readFileSync(file === '-' ? 0 : file, 'utf8')) as Json;
  if (!isObject(body)) throw new RangeError(`${file} is no JSON object.`);
  const receipt = priceObject(readPriceCall(body), {
    catalogue: createCatalogue(config.prices, config.hash),
    readUsage: createUsageReader(config.providers),
    find: (provider, model) => config.models.find((row) => row.provider === provider && row.upstream === model),
    quirksOf: (provider) => config.providers.find((row) => row.id === provider)?.quirks,
    now: Date.now(),
  });
  console.log(JSON.stringify(writePrice(receipt), null, 2));
  return 0;
}

function stage(config: Config, file: string, provider: string): number {
  const foreign = readForeign(file);
  const proposals = propose(diffPrices(config.prices, foreign.prices, day), provider, day);
  const out = values.out ?? `prices-review-${provider}.json`;
  if (existsSync(out)) throw new RangeError(`${out} exists: remove it or name another with --out.`);
  const review = { provider, source: foreign.source, checked: day, against: config.hash, proposals };
  writeFileSync(out, `${JSON.stringify(review, null, 2)}\n`);
  const flagged = proposals.filter(({ flags }) => flags.length > 0).length;
  const changed = proposals.filter(({ change }) => change === 'changed').length;
  console.log(
    `${out}: ${changed} changed and ${proposals.length - changed} new price(s) of ${provider}, ${flagged} flagged. ` +
      `Nothing was taken over: move the rows you trust into config/prices/${provider}.json.`,
  );
  return 0;
}

/** A file, or a folder of them. */
function readForeign(path: string): ForeignCatalogue {
  const paths = statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => name.endsWith('.json'))
        .map((name) => join(path, name))
    : [path];
  return readForeignCatalogue(
    paths.map((one) => ({ name: basename(one, '.json'), content: JSON.parse(readFileSync(one, 'utf8')) as Json })),
  );
}

try {
  process.exitCode = await main(positionals);
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}
