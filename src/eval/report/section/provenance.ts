/**
 * Where the report comes from, as far as its own bytes may say: what it was made from and with which
 * seeds. Time, machine and cost are the store's to tell, at the slot.
 */
import { type Block, heading, paragraph } from '../document.ts';
import type { Report } from '../report.ts';

export function provenanceBlocks({ models, sources, seed }: Report): Block[] {
  const memories = models.flatMap(({ model, candidates }) =>
    candidates.flatMap(({ name, seeds, memories: digests }) =>
      digests.map((digest, at) => [`memory, ${model}, ${name}`, seedText(seeds[at]), digest]),
    ),
  );
  const rows = [
    ...sources.map(({ name, digest }) => [name, '', digest]),
    ...memories,
    ...models.map((results) => [`eval, ${results.model}`, seedText(results.seed), '']),
    ['report', seedText(seed), ''],
  ];
  return [
    heading(2, 'Provenance'),
    paragraph(
      'What this report was made from, by SHA-256, and the seeds. The same inputs give the same bytes, so ' +
        'nothing here tells of time or machine. Every artifact’s digest and code, with machine, backend, ' +
        'time and cost: pipe provenance report --html FILE writes this page with them added here.',
    ),
    { kind: 'table', head: ['artifact', 'seed', 'digest'], rows, words: 3 },
    { kind: 'slot', name: 'provenance' },
  ];
}

function seedText(seed: number | null | undefined): string {
  return seed == null ? '' : String(seed);
}
