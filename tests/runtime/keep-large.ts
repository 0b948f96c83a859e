import { openUrlDoor } from '../../src/runtime/node/open-url.ts';
import { openKeeper } from './keeper.ts';

/** Keeps the film behind the URL of the first argument and tells, as one line of JSON, what it is and by how many bytes the process grew. */
const url = process.argv[2]!;
const door = openUrlDoor();
const keeper = openKeeper({ openUrl: door.openUrl, modality: 'video', baseUrl: new URL(url).origin });
// What the first download loads is no growth by the second one's size.
await keeper.keepUrl(url.replace('film', 'nothing')).catch(() => {});
const before = process.memoryUsage().rss;
let most = before;
const watch = setInterval(() => {
  most = Math.max(most, process.memoryUsage().rss);
}, 2);
const began = performance.now();
const { output } = await keeper.keepUrl(url);
clearInterval(watch);
most = Math.max(most, process.memoryUsage().rss);
console.log(JSON.stringify({ output, grown: most - before, files: keeper.files(), ms: performance.now() - began }));
keeper.close();
await door.close();
