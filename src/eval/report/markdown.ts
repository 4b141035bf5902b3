/** Blocks as GitHub-flavoured Markdown. Plots are named, not drawn. Knows no results. */
import type { Block, Table } from './document.ts';

export function renderMarkdown(blocks: readonly Block[]): string {
  const texts = blocks.map(renderBlock).filter((text) => text !== '');
  return `${texts.join('\n\n')}\n`;
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
    case 'definitions':
      return block.items
        .map(([term, meaning]) => `- **${escapeInline(term)}**: ${escapeInline(meaning)}`)
        .join('\n');
    case 'listing':
      return renderListing(block.text);
    case 'slot':
      return '';
    case 'details': {
      const inner = block.blocks.map(renderBlock).join('\n\n');
      return `<details><summary>${escapeInline(block.summary)}</summary>\n\n${inner}\n\n</details>`;
    }
  }
}

/** The fence is longer than any run of backticks within. */
function renderListing(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}

function renderTable({ caption, head, rows, words }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(' | ')} |`;
  const rule = head.map((_, at) => (at < words ? '---' : '---:'));
  const lines = [line(head), `| ${rule.join(' | ')} |`, ...rows.map(line)];
  return `${caption === undefined ? '' : `**${escapeInline(caption)}**\n\n`}${lines.join('\n')}`;
}

function escapeInline(text: string): string {
  return text.replace(/[\\`*_<>[\]|]/g, '\\$&');
}

/** Page titles may hold anything. What stands below in a cell follows in parentheses. */
function escapeCell(text: string): string {
  const [first, ...more] = text.split('\n');
  return escapeInline([first, ...more.map((line) => `(${line})`)].join(' '));
}
