import { shipped } from './files.ts';
import { lintConfig } from './lint.ts';
import { loadConfig } from './load.ts';

/** `npm run check:config [-- YYYY-MM-DD]`: the shipped configuration against its schema and the lint rules, as of a day. */
async function main(day: string): Promise<number> {
  const config = await loadConfig(shipped);
  const faults = lintConfig(config, day);
  for (const fault of faults) console.error(`${fault.where}: ${fault.message} [${fault.rule}]`);
  const { models, providers, prices, unpriced, hash } = config;
  const counts = `${models.length} models, ${providers.length} providers, ${prices.length} prices`;
  console.log(`config ${day}: ${counts}, ${unpriced.length} unpriced, ${hash.slice(0, 19)}; ${faults.length} fault(s)`);
  return faults.length === 0 ? 0 : 1;
}

const day = process.argv[2] ?? new Date().toISOString().slice(0, 10);
try {
  process.exitCode = await main(day);
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}
