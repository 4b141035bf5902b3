/**
 * Looks at a page as a reader would, in a real Chromium: screenshots at phone and desktop width, light
 * and dark, a PDF as it prints, and every request that the page tries to make (none is expected).
 *
 *   node tools/screenshots.mjs artifacts/report/results.html FOLDER [--open] [--top]
 *
 * `--open` unfolds everything first, `--top` takes the first screen only. CHROMIUM names the browser; default: chromium. Talks to it over
 * the DevTools protocol on a pipe, so that no port is opened.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [page, folder, ...flags] = process.argv.slice(2);
if (page === undefined || folder === undefined) {
  process.stderr.write('usage: node tools/screenshots.mjs PAGE.html FOLDER [--open] [--top]\n');
  process.exit(2);
}

const profile = mkdtempSync(join(tmpdir(), 'screenshots-'));
const browser = spawn(
  process.env.CHROMIUM ?? 'chromium',
  [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--hide-scrollbars',
    '--host-resolver-rules=MAP * ~NOTFOUND',
    '--remote-debugging-pipe',
    `--user-data-dir=${profile}`,
  ],
  { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
);

let lastId = 0;
const waiting = new Map();
const requests = [];
const complaints = [];
let rest = '';
browser.stdio[4].setEncoding('utf8').on('data', (text) => {
  const messages = (rest + text).split('\0');
  rest = messages.pop();
  for (const message of messages) hear(JSON.parse(message));
});

function hear({ id, method, params, result, error }) {
  if (method === 'Network.requestWillBeSent') requests.push(params.request.url);
  if (method === 'Log.entryAdded') complaints.push(params.entry.text);
  if (method === 'Runtime.exceptionThrown') complaints.push(params.exceptionDetails.text);
  if (id === undefined) return;
  const { settle, fail } = waiting.get(id);
  waiting.delete(id);
  if (error) fail(new Error(error.message));
  else settle(result);
}

function send(method, params = {}, sessionId = undefined) {
  const id = ++lastId;
  browser.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  return new Promise((settle, fail) => waiting.set(id, { settle, fail }));
}

const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
const tell = (method, params) => send(method, params, sessionId);
for (const domain of ['Page', 'Network', 'Runtime', 'Log']) await tell(`${domain}.enable`);
await tell('Page.navigate', { url: pathToFileURL(resolve(page)).href });
await evaluate(
  'new Promise((done) => document.readyState === "complete" ? done() : onload = done)',
);
const isTop = flags.includes('--top');
if (flags.includes('--open')) {
  await evaluate('for (const each of document.querySelectorAll("details")) each.open = true');
}

async function evaluate(expression) {
  const { result } = await tell('Runtime.evaluate', {
    expression,
    awaitPromise: true,
    returnByValue: true,
  });
  return result.value;
}

mkdirSync(folder, { recursive: true });
for (const [name, width, mobile] of [
  ['phone', 390, true],
  ['desktop', 1280, false],
]) {
  const size = { width, height: mobile ? 844 : 900, deviceScaleFactor: mobile ? 2 : 1, mobile };
  await tell('Emulation.setDeviceMetricsOverride', size);
  for (const scheme of ['light', 'dark']) {
    const features = [{ name: 'prefers-color-scheme', value: scheme }];
    await tell('Emulation.setEmulatedMedia', { features });
    const shot = await tell('Page.captureScreenshot', { captureBeyondViewport: !isTop });
    const path = join(folder, `${name}-${scheme}.png`);
    writeFileSync(path, Buffer.from(shot.data, 'base64'));
  }
  const overflow = await evaluate('document.documentElement.scrollWidth - innerWidth');
  process.stdout.write(`${name}: ${overflow > 0 ? `${overflow} px too wide` : 'fits'}\n`);
}
await tell('Emulation.setEmulatedMedia', { features: [] });
const pdf = await tell('Page.printToPDF', { preferCSSPageSize: true });
writeFileSync(join(folder, 'print.pdf'), Buffer.from(pdf.data, 'base64'));

const outside = requests.filter((url) => !url.startsWith('file:') && !url.startsWith('about:'));
process.stdout.write(
  `requests beyond the file: ${outside.length}${outside.map((url) => `\n  ${url}`).join('')}\n`,
);
process.stdout.write(
  `complaints of the browser: ${complaints.length}${complaints.map((text) => `\n  ${text}`).join('')}\n`,
);
await send('Browser.close');
await new Promise((done) => browser.on('close', done));
rmSync(profile, { recursive: true, force: true });
process.exitCode = outside.length + complaints.length > 0 ? 1 : 0;
