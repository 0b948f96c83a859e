import { html, raw } from 'hono/html';

const style = `
:root { color-scheme: light dark; font: 14px/1.4 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 84rem; padding: 1rem; }
h1 { font-size: 1.2rem; margin: 0 0 .5rem; }
form { display: flex; gap: .5rem; flex-wrap: wrap; margin: .5rem 0; }
input, button { font: inherit; padding: .3rem .5rem; }
input { flex: 1 1 20rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #8884; white-space: nowrap; vertical-align: top; }
td.path { white-space: normal; word-break: break-all; }
tbody tr { cursor: pointer; }
tbody tr:hover, tbody tr:focus { background: #8882; }
.bad { color: #c00; } @media (prefers-color-scheme: dark) { .bad { color: #f88; } }
pre { white-space: pre-wrap; word-break: break-all; background: #8881; padding: .6rem; max-height: 24rem; overflow: auto; }
dialog { width: min(60rem, 92vw); }
`;

const script = `
const rows = new Map(), body = document.querySelector('tbody'), filter = document.querySelector('#filter');
const dialog = document.querySelector('dialog'), count = document.querySelector('#count');
const cell = (row, text, kind) => { const td = row.insertCell(); td.textContent = text ?? ''; if (kind) td.className = kind; };
const shown = (row) => !filter.value || row.textContent.toLowerCase().includes(filter.value.toLowerCase());
function draw(one) {
  let row = rows.get(one.number);
  if (!row) {
    row = body.insertRow(0);
    row.tabIndex = 0;
    row.onclick = () => open(one.number);
    row.onkeydown = (event) => { if (event.key === 'Enter') open(one.number); };
    rows.set(one.number, row);
    if (rows.size > 1000) { const [oldest, old] = rows.entries().next().value; old.remove(); rows.delete(oldest); }
  }
  row.replaceChildren();
  cell(row, one.number);
  cell(row, new Date(one.at).toISOString().slice(11, 23));
  cell(row, one.provider);
  cell(row, one.method + (one.attempt > 1 ? ' (try ' + one.attempt + ')' : ''));
  cell(row, one.path, 'path');
  cell(row, one.model);
  cell(row, one.status ?? '', one.status >= 400 ? 'bad' : '');
  cell(row, one.outcome, one.outcome === 'finished' || one.outcome === 'open' ? '' : 'bad');
  cell(row, one.endedAt === undefined ? '' : one.endedAt - one.at + ' ms');
  cell(row, one.billed.join(', '));
  cell(row, one.fault, 'bad');
  row.hidden = !shown(row);
  count.textContent = rows.size + ' requests';
}
async function open(number) {
  const one = await (await window.fetch('/_simulator/journal/' + number)).json();
  const show = (id, value) => { document.querySelector(id).textContent = typeof value === 'string' ? value : JSON.stringify(value, null, 2); };
  document.querySelector('h2').textContent = '#' + number + ' ' + one.method + ' ' + one.path;
  show('#asked', one.headers); show('#sent', one.body); show('#head', { status: one.status, ...one.answerHeaders }); show('#got', one.answer);
  for (const part of ['request', 'answer']) document.querySelector('#' + part).href = '/_simulator/journal/' + number + '/' + part;
  dialog.showModal();
}
filter.oninput = () => { for (const row of rows.values()) row.hidden = !shown(row); };
document.querySelector('#clear').onclick = async () => { await window.fetch('/_simulator/journal', { method: 'DELETE' }); rows.clear(); body.replaceChildren(); count.textContent = ''; };
document.querySelector('#close').onclick = () => dialog.close();
document.querySelector('form').onsubmit = (event) => event.preventDefault();
new EventSource('/_simulator/events').onmessage = (event) => draw(JSON.parse(event.data));
`;

/** The live requests of a simulator server. */
export function page(providers: readonly string[]): Response {
  const text = html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Atelier simulators</title><style>${raw(style)}</style></head>
<body>
<h1>Atelier simulators</h1>
<p>${providers.length} providers at <code>/&lt;provider&gt;/…</code>: ${providers.join(', ')}.
Controls: <a href="/_simulator/journal">journal</a>, <a href="/_simulator/ledger">bills</a>, <a href="/_simulator/faults">faults</a>.</p>
<form role="search"><input id="filter" type="search" placeholder="Filter: a provider, a path, a model, a status, a fault" aria-label="Filter">
<button id="clear" type="button">Clear</button><span id="count" role="status"></span></form>
<div class="wide"><table><thead><tr><th>#</th><th>Time (UTC)</th><th>Provider</th><th>Method</th><th>Path</th><th>Model</th><th>Status</th><th>Outcome</th><th>Took</th><th>Billed</th><th>Fault</th></tr></thead><tbody></tbody></table></div>
<dialog><h2></h2>
<h3>Request</h3><pre id="asked"></pre><pre id="sent"></pre><p><a id="request" href="#">raw bytes</a></p>
<h3>Answer</h3><pre id="head"></pre><pre id="got"></pre><p><a id="answer" href="#">raw bytes</a></p>
<button id="close" type="button">Close</button></dialog>
<script>${raw(script)}</script>
</body></html>`;
  return new Response(String(text), { headers: { 'content-type': 'text/html; charset=utf-8' } });
}
