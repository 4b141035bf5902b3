/** Blocks as GitHub-flavoured Markdown. Plots are named, not drawn. Knows no results. */
import type { Block, Table } from './document.ts';

export function renderMarkdown(blocks: readonly Block[]): string {
  return `${blocks.map(renderBlock).join('\n\n')}\n`;
}

function renderBlock(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `${'#'.repeat(block.level)} ${escapeInline(block.text)}`;
    case 'paragraph':
      return `${block.lead ? `**${escapeInline(block.lead)}** ` : ''}${escapeInline(block.text)}`;
    case 'table':
      return renderTable(block);
    case 'figure':
      return `*In results.html: ${escapeInline(block.caption)}*`;
    case 'details': {
      const inner = block.blocks.map(renderBlock).join('\n\n');
      return `<details><summary>${escapeInline(block.summary)}</summary>\n\n${inner}\n\n</details>`;
    }
  }
}

function renderTable({ caption, head, rows, words }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(' | ')} |`;
  const rule = head.map((_, at) => (at < words ? '---' : '---:'));
  const lines = [line(head), `| ${rule.join(' | ')} |`, ...rows.map(line)];
  return `${caption === undefined ? '' : `**${escapeInline(caption)}**\n\n`}${lines.join('\n')}`;
}

function escapeInline(text: string): string {
  return text.replace(/[\\`*_<>[\]]/g, '\\$&');
}

/** Page titles may hold anything. */
function escapeCell(text: string): string {
  return escapeInline(text).replaceAll('|', '\\|').replaceAll('\n', ' ');
}
