/** Provenance as a part of an HTML page: two tables that bring no style and no script. */
import type { Provenance } from '../pipe/run/provenance.ts';
import { formatBytes, formatDuration } from './duration.ts';

export function provenanceHtml(entries: readonly Provenance[]): string {
  const total = entries.reduce((sum, { wallMs }) => sum + wallMs, 0);
  return [
    `<p>Made from ${entries.length} tasks that took ${formatDuration(total)} together, each when it was last built.</p>`,
    table(
      [
        'task',
        'built',
        'took',
        'processor time',
        'peak memory',
        'backend',
        'machine',
        'Node',
        'seed',
        'code',
      ],
      entries.map((entry) => [
        entry.task,
        entry.finishedAt,
        formatDuration(entry.wallMs),
        formatDuration(entry.cpuMs),
        formatBytes(entry.peakRssBytes),
        entry.backend ?? '–',
        `${entry.machine} (${entry.platform})`,
        entry.node,
        String(entry.seed),
        entry.code,
      ]),
    ),
    table(
      ['artifact', 'size', 'SHA-256'],
      entries.flatMap(({ task, outputs }) =>
        Object.entries(outputs).map(([name, { digest, sizeBytes }]) => [
          `${task}: ${name}`,
          formatBytes(sizeBytes),
          digest,
        ]),
      ),
    ),
  ].join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: 'td' | 'th', texts: readonly string[]) =>
    `<tr>${texts.map((text) => `<${tag}>${escapeMarkup(text)}</${tag}>`).join('')}</tr>`;
  const body = rows.map((row) => cells('td', row)).join('\n');
  return (
    `<div class="scroll" tabindex="0"><table><thead>${cells('th', head)}</thead>` +
    `<tbody>${body}</tbody></table></div>`
  );
}

function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
