#!/usr/bin/env node
import { readFileSync } from 'node:fs';

const usage = `atelier <command>

  start          the gateway; settings are environment variables (PORT, HOST, ATELIER_DATA, provider keys …)
  simulators     simulators of every provider on one port (PORT, default 9090), and what to export to point SDKs at them
                 ATELIER_FAULTS=on allows faults · ATELIER_PACE_MS milliseconds between events · ATELIER_SEED
  record         --provider <id> --to <url> [--fixtures <folder>] [--port <n>]: passes calls on to <url> and keeps them, without secrets
  replay         --fixtures <folder> [--port <n>]: answers from what was recorded
  drift          --fixtures <folder> [--specs <folder>]: where simulators, or the vendors' descriptions, no longer agree with what was recorded
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
    const file = ['../package.json', '../../package.json'].map((path) => new URL(path, import.meta.url));
    for (const url of file) {
      try {
        console.log((JSON.parse(readFileSync(url, 'utf8')) as { version: string }).version);
        break;
      } catch {
        // Built files lie one folder deeper.
      }
    }
    break;
  }
  default:
    console.log(usage);
    process.exitCode = command === undefined || command === 'help' || command === '--help' ? 0 : 1;
}
