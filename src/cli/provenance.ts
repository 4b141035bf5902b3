/**
 * `pipe provenance`: of a target and all that it was made from, what the traces hold: digests, code,
 * seed, machine, backend, time and cost. None of it is in an artifact, as it would change its digest.
 */
import { readFileSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import { type Current, currentTraces } from '../pipe/run/current.ts';
import { type Provenance, provenanceOf } from '../pipe/run/provenance.ts';
import { writeAtomic } from '../pipe/store/atomic-file.ts';
import { type Command, UsageError } from './command.ts';
import { jsonOption, planOptions } from './common-options.ts';
import { type DecisionRequest, decisionRequest } from './decisions.ts';
import { formatBytes, formatDuration } from './duration.ts';
import { sayMissing } from './metrics.ts';
import { findProject } from './project.ts';
import { provenanceHtml } from './provenance-html.ts';
import { formatTable } from './table.ts';

/** Where a page leaves room for its provenance. */
const SLOT = '<!-- pipe:provenance -->';

export const provenanceCommand: Command = {
  name: 'provenance',
  usage: 'provenance [TARGET…]',
  summary: 'digests, code, seed, machine, time and cost of targets and all that they are made from',
  options: [
    ...planOptions,
    {
      name: 'html',
      type: 'string',
      placeholder: 'FILE',
      summary: 'write the target’s HTML page with its provenance filled in',
    },
    jsonOption,
  ],
  run: async (invocation) => {
    const request = await decisionRequest(invocation);
    const current = await currentTraces(request);
    const html = invocation.text('html');
    if (html !== undefined) {
      const { artifactsFolder } = findProject(process.cwd(), invocation.text('file'));
      writePage(current, { ...request, file: resolve(html), artifactsFolder });
    } else {
      const entries = provenanceOf(current);
      const text = invocation.flag('json')
        ? entries.map((entry) => JSON.stringify(entry)).join('\n')
        : provenanceTable(entries);
      process.stdout.write(`${text}\n`);
    }
    sayMissing(current);
    return current.missing.length > 0 && html !== undefined ? 1 : 0;
  },
};

const SHOWN_DIGITS = 12;

function provenanceTable(entries: readonly Provenance[]): string {
  const rows = entries.flatMap(({ task, outputs, ...entry }) => [
    [
      task,
      `code ${entry.code.slice(0, SHOWN_DIGITS)}, seed ${entry.seed}`,
      `${formatDuration(entry.wallMs)}, ${formatDuration(entry.cpuMs)} of processors, ${formatBytes(entry.peakRssBytes)}`,
      [entry.finishedAt, entry.machine, entry.node, entry.backend ?? []].flat().join(', '),
    ],
    ...Object.entries(outputs).map(([name, { digest, sizeBytes }]) => [
      `  ${name}`,
      digest.slice(0, SHOWN_DIGITS),
      formatBytes(sizeBytes),
      '',
    ]),
  ]);
  return formatTable([['task', 'digest', 'cost', 'made'], ...rows]);
}

interface PageRequest extends DecisionRequest {
  readonly file: string;
  readonly artifactsFolder: string;
}

/** The artifact itself stays as it is: the page with its provenance is another file. */
function writePage(current: Current, request: PageRequest): void {
  const { file, artifactsFolder } = request;
  if (file.startsWith(artifactsFolder + sep)) {
    throw new UsageError(
      `--html ${file}: that is inside of artifacts, which only tasks write`,
      'name a file elsewhere',
    );
  }
  const pages = pagesOf(current, request).filter((text) => text.includes(SLOT));
  const [page, ...others] = pages;
  if (page === undefined || others.length > 0) {
    throw new UsageError(
      `--html: ${pages.length} pages of the targets have room for a provenance (${SLOT})`,
      'build the target first, and name one whose page has it, such as report',
    );
  }
  const [before, ...after] = page.split(SLOT);
  writeAtomic(file, before + provenanceHtml(provenanceOf(current)) + after.join(SLOT));
}

function pagesOf({ targets, traces }: Current, { graph, store }: DecisionRequest): string[] {
  return targets.flatMap((id) => {
    const outputs = graph.tasks.get(id)?.outputs ?? [];
    const pages = outputs.filter(({ path, folder }) => !folder && path.endsWith('.html'));
    return pages.flatMap(({ name }) => {
      const record = traces.get(id)?.outputs[name];
      return record === undefined ? [] : readFileSync(store.blobs.path(record.digest), 'utf8');
    });
  });
}
