import { openUrlDoor } from '../../src/runtime/node/open-url.ts';
import { openKeeper } from './keeper.ts';

/**
 * Keeps the films behind the URLs of its arguments, one after the other, and tells of each, as a line of JSON, what it is and by how many
 * bytes the process grew meanwhile.
 */
const [url = '', ...others] = process.argv.slice(2);
const door = openUrlDoor();
const keeper = openKeeper({ openUrl: door.openUrl, modality: 'video', baseUrl: new URL(url).origin });
// What the first download loads is no growth by the second one's size.
await keeper.keepUrl(url.replace('film', 'nothing')).catch(() => {});
for (const one of [url, ...others]) {
  const before = process.memoryUsage().rss;
  let most = before;
  const look = () => {
    most = Math.max(most, process.memoryUsage().rss);
  };
  const watch = setInterval(look, 2);
  const { output } = await keeper.keepUrl(one);
  clearInterval(watch);
  look();
  console.log(JSON.stringify({ output, grown: most - before }));
}
console.log(JSON.stringify({ files: keeper.files() }));
keeper.close();
await door.close();
