/**
 * Blocks as one HTML file that needs nothing else: no script, no font, no request. Light and dark as
 * the reader's system is, readable on a phone and on paper. Knows no results.
 */
import type { Block, Figure, Table } from './document.ts';
import { escapeMarkup } from './figure.ts';

export function renderHtml(title: string, blocks: readonly Block[]): string {
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${escapeMarkup(title)}</title>`,
    `<style>${STYLE}</style>`,
    '<main>',
    ...renderBlocks(blocks),
    '</main>',
    '</html>',
    '',
  ].join('\n');
}

function renderBlocks(blocks: readonly Block[]): string[] {
  const rendered: string[] = [];
  for (let at = 0; at < blocks.length; at++) {
    const block = blocks[at]!;
    if (block.kind !== 'figure') {
      rendered.push(renderBlock(block));
      continue;
    }
    const run: Figure[] = [];
    for (let next = blocks[at]; next?.kind === 'figure'; next = blocks[at + run.length])
      run.push(next);
    rendered.push(`<div class="figures">${run.map(renderFigure).join('\n')}</div>`);
    at += run.length - 1;
  }
  return rendered;
}

function renderBlock(block: Exclude<Block, Figure>): string {
  switch (block.kind) {
    case 'heading':
      return `<h${block.level}>${escapeMarkup(block.text)}</h${block.level}>`;
    case 'paragraph': {
      const lead = block.lead === undefined ? '' : `<strong>${escapeMarkup(block.lead)}</strong> `;
      return `<p>${lead}${escapeMarkup(block.text)}</p>`;
    }
    case 'table':
      return renderTable(block);
    case 'details':
      return `<details><summary>${escapeMarkup(block.summary)}</summary>\n${renderBlocks(block.blocks).join('\n')}\n</details>`;
  }
}

function renderFigure({ svg, caption }: Figure): string {
  return `<figure>${svg}<figcaption>${escapeMarkup(caption)}</figcaption></figure>`;
}

/** Wide tables scroll by themselves, with the keyboard too, so that the page never does. */
function renderTable({ caption, head, rows, words }: Table): string {
  const cell = (tag: 'td' | 'th', text: string, at: number) => {
    const kind = at < words ? '' : ' class="number"';
    const scope = tag === 'th' ? ' scope="col"' : '';
    const [first, ...more] = text.split('\n').map(escapeMarkup);
    const lower = more.map((line) => `<br><small>${line}</small>`).join('');
    return `<${tag}${scope}${kind}>${first}${lower}</${tag}>`;
  };
  const body = rows.map(
    (row) => `<tr>${row.map((text, at) => cell('td', text, at)).join('')}</tr>`,
  );
  const title = caption === undefined ? '' : `<caption>${escapeMarkup(caption)}</caption>`;
  return (
    `<div class="scroll" tabindex="0"><table>${title}<thead><tr>${head.map((text, at) => cell('th', text, at)).join('')}` +
    `</tr></thead>\n<tbody>${body.join('\n')}</tbody></table></div>`
  );
}

const STYLE = `
:root { --paper: #fdfdfc; --ink: #1d1f21; --soft: #5b6167; --line: #dcdfe1; --shade: #f3f4f4;
  --tone0: #6b7075; --tone1: #1f6fb2; --tone2: #b85c00; --tone3: #11805a; --tone4: #8a4fa3; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181a; --ink: #e6e7e8; --soft: #a0a6ab;
  --line: #34383c; --shade: #1f2225; --tone0: #a7adb3; --tone1: #6cb2ee; --tone2: #f0a355;
  --tone3: #56c79c; --tone4: #cd9ae0; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.25rem; margin: 2.75rem 0 .75rem; padding-top: .75rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
p { margin: .4rem 0 .8rem; max-width: 44rem; }
.scroll { overflow-x: auto; margin: .75rem 0 1.25rem; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .25rem 0; }
th, td { padding: .25rem .75rem .25rem 0; text-align: left; vertical-align: top; white-space: nowrap; border-bottom: 1px solid var(--line); }
small, th { color: var(--soft); font-weight: 500; }
.number { text-align: right; padding-left: .5rem; }
details { margin: .5rem 0 1rem; }
summary { cursor: pointer; color: var(--soft); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1.5rem; align-items: start; }
figure { margin: 0; padding: 1rem; background: var(--shade); border-radius: .5rem; }
figcaption { color: var(--soft); font-size: .875rem; margin-top: .5rem; }
small { font-size: .75rem; white-space: nowrap; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; fill: var(--soft); }
.grid { stroke: var(--line); }
.zero { stroke: var(--ink); }
.reference { stroke: var(--ink); stroke-width: 1.2; opacity: .75; }
.dash0 { stroke-dasharray: 2 4; }
.dash1 { stroke-dasharray: 8 4; }
.stroke { fill: none; stroke-width: 2; stroke-linejoin: round; }
.whisker { stroke-width: 1.5; opacity: .65; }
.hollow { fill: var(--shade); stroke-width: 1.75; }
${[0, 1, 2, 3, 4].map((tone) => `.stroke.tone${tone}, .whisker.tone${tone}, .hollow.tone${tone} { stroke: var(--tone${tone}); } .fill.tone${tone} { fill: var(--tone${tone}); }`).join('\n')}
@media print {
  :root { --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --shade: #fff; --tone0: #6b7075; --tone1: #1f6fb2; --tone2: #b85c00; --tone3: #11805a; --tone4: #8a4fa3; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  .scroll { overflow: visible; }
  table { font-size: 8pt; }
  th, td { white-space: normal; padding-right: .4rem; }
  figure, tr { break-inside: avoid; }
  h2, h3, caption { break-after: avoid; }
  .figures { grid-template-columns: 1fr 1fr; }
}
`;
