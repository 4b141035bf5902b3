/** The data's counts, and what of the questions the memories may have seen. */
import { recordOf } from '../../../fever/field.ts';
import { type Block, heading, paragraph, type Table } from '../document.ts';
import { grouped } from '../number-text.ts';
import type { Report, Settings } from '../report.ts';

export function dataBlocks({ counts, models }: Report): Block[] {
  const { extract, truncate, templates } = counts;
  const design = models[0]?.design;
  const rows: [string, unknown][] = [
    ['N_full: evidence pages', truncate.nFull],
    ['N_top: pages with most questions', truncate.nTop],
    ['N_trunc: pages left', truncate.nTrunc],
    ['pages dropped: no text', truncate.droppedEmpty],
    ['pages dropped: no training questions', truncate.droppedNoTrain],
    ['claims to evaluate on, before selection', extract.claims],
    ['claims that repeat the text of another', extract.duplicateTexts],
    ['texts with conflicting labels', extract.conflictingTexts],
    ['questions asked', templates.questions],
    ['clusters of questions that share a page or a claim', design?.clusters],
    ['questions in the largest cluster', design?.largestCluster],
    ['training examples', templates.examples],
    ['shots from the fallback list', templates.shotsFromFallback],
  ];
  return [
    heading(2, 'Data'),
    {
      kind: 'table',
      head: ['count', 'value'],
      rows: rows.map(([name, value]) => [name, countText(value)]),
      words: 1,
    },
    ...leakageBlocks(templates),
  ];
}

function countText(value: unknown): string {
  return typeof value === 'number' ? grouped(value) : '–';
}

function leakageBlocks(templates: Settings): Block[] {
  const leakage = recordOf(templates.leakage);
  const byCandidate = leakage.byCandidate === undefined ? {} : recordOf(leakage.byCandidate);
  const table: Table = {
    kind: 'table',
    head: ['memory', 'word for word', 'normalised', 'nearly'],
    rows: Object.entries(byCandidate).map(([candidate, value]) => {
      const own = recordOf(value);
      return [candidate, ...[own.exact, own.normalised, own.nearDuplicate].map(countText)];
    }),
    words: 1,
  };
  return [
    heading(3, 'Leakage'),
    paragraph(
      'Eval claims that occur in the texts that a memory learns: word for word; with case, punctuation, ' +
        'white space and Unicode form set aside; and with at least four fifths of their pairs of words. ' +
        'Each count includes the one before it. ' +
        `In the training examples there are ${countText(leakage.normalised)}; pages hold ` +
        `${countText(leakage.inDocuments)}, which doc and doctemp learn.`,
    ),
    ...(table.rows.length === 0 ? [] : [table]),
  ];
}
