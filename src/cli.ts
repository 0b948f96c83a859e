#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';

const usage = `atelier <command>

  start          the gateway; settings are environment variables (PORT, HOST, ATELIER_DATA, provider keys …)
  simulators     simulators of every provider on one port (PORT, default 9090), and what to export to point SDKs at them
                 ATELIER_FAULTS=on allows faults · ATELIER_PACE_MS milliseconds between events · ATELIER_SEED
  record         --provider <id> --to <url> [--fixtures <folder>] [--port <n>]: passes calls on to <url> and keeps them, without secrets
  replay         [--fixtures <folder>] [--port <n>] [--timed]: answers from what was recorded, with --timed as slowly as then
  drift          [--fixtures <folder>] [--specs <folder>]: where simulators, or the vendors' descriptions, no longer agree with what was recorded
                 defaults: --fixtures fixtures, --port 9091
  help           this text
  --version      the version of this package
`;

const [command, ...rest] = process.argv.slice(2);
switch (command) {
  case 'start':
    await import('./node.ts');
    break;
  case 'simulators': {
    const { serveSimulators } = await import('../providers/simulators/server.ts');
    await serveSimulators(process.env);
    break;
  }
  case 'record':
  case 'replay':
  case 'drift': {
    const { runTapes } = await import('../providers/simulators/standalone/tapes-cli.ts');
    process.exitCode = await runTapes(command, rest);
    break;
  }
  case '--version': {
    const file = findPackageJSON(import.meta.url);
    if (!file) throw new Error('There is no package.json above this file.');
    console.log((JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version);
    break;
  }
  default:
    console.log(usage);
    process.exitCode = command === undefined || command === 'help' || command === '--help' ? 0 : 1;
}
