import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { createUsageReader } from '../providers/index.ts';
import { isObject, type Json } from '../src/contract/index.ts';
import { priceObject } from '../src/gateway/price-object.ts';
import { readPriceCall, writePrice } from '../src/http/price-door.ts';
import { createCatalogue } from '../src/meter/catalogue.ts';
import { basePricesOf, baseProviders, baseVersion, createBasePrices, ownIdOf, type Published } from './base-prices.ts';
import { shipped } from './files.ts';
import { type ForeignCatalogue, type ForeignPrice, readForeignCatalogue } from './foreign-catalogue.ts';
import { holdsOn } from './holds-on.ts';
import { lintConfig } from './lint.ts';
import { type Config, loadConfig } from './load.ts';
import { type Diff, diffPrices, nameOf, propose } from './price-diff.ts';
import { baseChanges, diffBase, reviewOf } from './price-refresh.ts';

const usage = `npm run prices -- check [file or folder] [--day YYYY-MM-DD] [--all] [--strict]
    lints the catalogue and holds it against the pinned base (@pydantic/genai-prices ${baseVersion}); with a catalogue of
    LiteLLM, Portkey, models.dev or genai-prices (a file or folder), lists where the two differ
npm run prices -- refresh [file or folder] [--out file] [--day YYYY-MM-DD] [--all]
    writes what the pinned base, or that catalogue, would change for all our providers into a file to review; of a newer
    data.json of genai-prices also what it would change for models that only the base prices. Nothing is taken over:
    rows are moved by hand, the base by the version in package.json
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
const base = createBasePrices(() => createRequire(import.meta.url)('@pydantic/genai-prices') as Published);
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
  if (command === 'refresh') return refresh(config, file);
  if (command === 'price' && file) return price(config, file);
  if (command === 'import' && file && values.provider) return stage(config, file, values.provider);
  console.error(usage);
  return 2;
}

function check(config: Config, file: string | undefined): number {
  const faults = lintConfig(config, today);
  for (const fault of faults) console.error(`${fault.where}: ${fault.message} [${fault.rule}]`);
  console.log(`${config.prices.length} prices, ${config.hash.slice(0, 19)}: ${faults.length} fault(s)`);
  const { diff, source, form } = comparedWith(config, file);
  tell(diff, `${source} (${form})`);
  return faults.length > 0 || (values.strict && diff.differences.length > 0) ? 1 : 0;
}

/** Our prices of the day against those of a file or folder, or of the pinned base. */
function comparedWith(config: Config, file: string | undefined) {
  if (!file) {
    return {
      form: 'base' as const,
      source: `genai-prices@${baseVersion}`,
      diff: diffBase(config.prices, base, day),
    };
  }
  const foreign = readForeign(file);
  return { ...foreign, diff: diffPrices(config.prices, foreign.prices, day) };
}

function tell(diff: Diff, name: string): void {
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
    `${name}: ${compared} prices compared, ${differences.length} differ and ${rounded.length} are rounded; ` +
      `it has ${lacking.length} more of our models and ${unknown.length} of others`,
  );
}

/** Stages what the base, or a catalogue, would change: a file, and nothing but a file. */
function refresh(config: Config, file: string | undefined): number {
  const other = comparedWith(config, file);
  const { diff, source } = other;
  const providers = [...new Set(config.prices.map((row) => row.provider))];
  const review = reviewOf(diff, { source, checked: day, against: config.hash, providers, all: values.all });
  if (other.form === 'genai-prices') review.base = baseChanges(config.prices, pinned(), other.prices);
  const out = values.out ?? 'prices-review.json';
  if (existsSync(out)) throw new RangeError(`${out} exists: remove it or name another with --out.`);
  writeFileSync(out, `${JSON.stringify(review, null, 2)}\n`);
  const proposals = Object.values(review.providers).flat();
  const count = (change: string) => proposals.filter((one) => one.change === change).length;
  const flagged = proposals.filter(({ flags }) => flags.length > 0).length;
  console.log(
    `${out}: ${count('changed')} changed and ${count('new')} new price(s), ${flagged} flagged` +
      `${review.base ? `, ${review.base.length} of the base` : ''}. Nothing was taken over.`,
  );
  return 0;
}

/** All prices of the pinned base on the day, under the names of its own records. */
function pinned(): ForeignPrice[] {
  const { findProvider } = createRequire(import.meta.url)(
    '@pydantic/genai-prices',
  ) as typeof import('@pydantic/genai-prices');
  return [...baseProviders].flatMap((id) => {
    const provider = findProvider({ providerId: id });
    return (provider?.models ?? []).flatMap((model) =>
      basePricesOf({}, model, { provider: ownIdOf(id), model: model.id }).filter((price) => holdsOn(price, day)),
    );
  });
}

function price(config: Config, file: string): number {
  const body = JSON.parse(readFileSync(file === '-' ? 0 : file, 'utf8')) as Json;
  if (!isObject(body)) throw new RangeError(`${file} is no JSON object.`);
  const receipt = priceObject(readPriceCall(body), {
    catalogue: createCatalogue(config.prices, config.hash, base),
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
    day,
  );
}

try {
  process.exitCode = await main(positionals);
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}
