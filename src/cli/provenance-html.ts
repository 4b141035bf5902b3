/** Provenance as a part of an HTML page: two tables that bring no style and no script. */
import type { Provenance } from '../pipe/run/provenance.ts';
import { formatBytes, formatDuration } from './duration.ts';

export function provenanceHtml(entries: readonly Provenance[]): string {
  const total = entries.reduce((sum, { wallMs }) => sum + wallMs, 0);
  const machines = [...new Set(entries.map(machineOf))];
  const named = machines.map((machine, at) => `${at + 1}: ${machine}`);
  return [
    paragraph(
      `Made from ${entries.length} tasks that took ${formatDuration(total)} together, each when it was ` +
        `last built. Machines: ${named.join('; ')}.`,
    ),
    table(
      ['task', 'built', 'took', 'processor time', 'peak memory', 'backend', 'machine', 'seed'],
      entries.map((entry) => [
        entry.task,
        entry.finishedAt.slice(0, 19).replace('T', ' '),
        formatDuration(entry.wallMs),
        formatDuration(entry.cpuMs),
        formatBytes(entry.peakRssBytes),
        entry.backend ?? '–',
        String(machines.indexOf(machineOf(entry)) + 1),
        String(entry.seed),
      ]),
    ),
    table(
      ['what', 'size', 'SHA-256'],
      entries.flatMap(({ task, outputs, code }) => [
        [`${task}: code`, '–', code],
        ...Object.entries(outputs).map(([name, { digest, sizeBytes }]) => [
          `${task}: ${name}`,
          formatBytes(sizeBytes),
          digest,
        ]),
      ]),
    ),
  ].join('\n');
}

function machineOf({ machine, platform, node }: Provenance): string {
  return `${machine}, ${platform}, Node ${node}`;
}

function paragraph(text: string): string {
  return `<p>${escapeMarkup(text)}</p>`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: 'td' | 'th', texts: readonly string[]) =>
    `<tr>${texts.map((text) => `<${tag}>${unbroken(escapeMarkup(text))}</${tag}>`).join('')}</tr>`;
  const body = rows.map((row) => cells('td', row)).join('\n');
  return (
    `<div class="scroll" tabindex="0"><table><thead>${cells('th', head)}</thead>` +
    `<tbody>${body}</tbody></table></div>`
  );
}

function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** A figure and its unit stay on one line. */
function unbroken(text: string): string {
  return text.length > 24 ? text : text.replaceAll(' ', '\u00a0');
}
