/**
 * Blocks as one HTML file that needs nothing else: no font, no request, and one script of its own that
 * sorts tables. Its policy forbids the browser anything more. Knows no results.
 */
import { createHash } from 'node:crypto';
import type { Block, Definitions, Figure, Table } from './document.ts';
import { SORT_SCRIPT } from './sort-script.ts';
import { STYLE } from './style.ts';

export function renderHtml(title: string, blocks: readonly Block[]): string {
  const script = createHash('sha256').update(SORT_SCRIPT).digest('base64');
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${script}'; img-src data:`;
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${escapeMarkup(title)}</title>`,
    `<style>${STYLE}</style>`,
    '<main>',
    ...renderBlocks(blocks),
    '</main>',
    `<script>${SORT_SCRIPT}</script>`,
    '</html>',
    '',
  ].join('\n');
}

/** Figures that follow each other stand side by side where there is room. */
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
    case 'definitions':
      return renderDefinitions(block);
    case 'listing':
      return `<pre>${escapeMarkup(block.text)}</pre>`;
    case 'slot':
      return `<!-- pipe:${block.name} -->`;
    case 'details':
      return `<details><summary>${escapeMarkup(block.summary)}</summary>\n${renderBlocks(block.blocks).join('\n')}\n</details>`;
  }
}

function renderDefinitions({ items }: Definitions): string {
  const entries = items.map(
    ([term, meaning]) => `<dt>${escapeMarkup(term)}</dt><dd>${escapeMarkup(meaning)}</dd>`,
  );
  return `<dl>${entries.join('\n')}</dl>`;
}

function renderFigure({ svg, caption, legend = [] }: Figure): string {
  const entries = legend.map(({ name, swatch }) => `<li>${swatch}${escapeMarkup(name)}</li>`);
  const key = entries.length === 0 ? '' : `<ul class="legend">${entries.join('')}</ul>`;
  return `<figure>${key}${svg}<figcaption>${escapeMarkup(caption)}</figcaption></figure>`;
}

/** Wide tables scroll by themselves, with the keyboard too, so that the page never does. */
function renderTable({ caption, head, rows, words, sortable, shades }: Table): string {
  const kindOf = (at: number) => (at < words ? '' : ' class="number"');
  const heads = head.map((text, at) => {
    const content = sortable
      ? `<button type="button">${escapeMarkup(text)}</button>`
      : escapeMarkup(text);
    return `<th scope="col"${kindOf(at)}>${content}</th>`;
  });
  const body = rows.map((row, y) => {
    const cells = row.map((text, x) => {
      const shade = shades?.[y]?.[x] ?? 0;
      const style = shade === 0 ? '' : ` style="--share:${Math.round(100 * shade)}%"`;
      return `<td${kindOf(x)}${style}>${cellContent(text)}</td>`;
    });
    return `<tr>${cells.join('')}</tr>`;
  });
  const title = caption === undefined ? '' : `<caption>${escapeMarkup(caption)}</caption>`;
  return (
    `<div class="scroll" tabindex="0"><table${sortable ? ' class="sortable"' : ''}>${title}<thead><tr>${heads.join('')}` +
    `</tr></thead>\n<tbody>${body.join('\n')}</tbody></table></div>`
  );
}

function cellContent(text: string): string {
  const [first, ...more] = text.split('\n').map(escapeMarkup);
  return `${first}${more.map((line) => `<br><small>${line}</small>`).join('')}`;
}

/** Text for element content and double-quoted attributes. */
function escapeMarkup(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
