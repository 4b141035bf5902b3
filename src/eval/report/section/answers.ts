/** The experiment's questions with their verdicts. */
import { type Block, details, heading, paragraph } from '../document.ts';
import { forestFigure, viewName } from '../figures.ts';
import { groupedBy } from '../grouped.ts';
import { PERCENT, signed, signedRange } from '../number-text.ts';
import type { QuestionAnswer } from '../questions.ts';
import type { Report } from '../report.ts';
import type { Comparison } from '../results-file.ts';
import { comparisonTable } from './comparison-table.ts';

export function answerBlocks({ answers, models }: Report): Block[] {
  if (answers.length === 0) return [];
  const groups = [
    ...groupedBy(answers, ({ number, question }) => `${number} ${question}`).values(),
  ];
  groups.sort(([a], [b]) => (a!.number ?? 9) - (b!.number ?? 9));
  return [
    heading(2, 'The four questions'),
    paragraph(
      'A verdict looks at all numbers of shots together: “yes” where each difference is surely above 0 ' +
        `(the 95${PERCENT} interval excludes 0 and p < .05 after Holm’s correction in its family), “no” ` +
        'where one is surely below, else “not shown”. “Not shown” is not “no”: see what was detectable.',
    ),
    ...models.flatMap((results) => {
      const own = answers.filter(({ model }) => model === results.model);
      const pooled = own.filter(isPrimary).flatMap((answer) => answer.pooled);
      const title = `${results.model}: differences over all numbers of shots`;
      const label = ({ candidate, against }: Comparison) => `${candidate} − ${against}`;
      return forestFigure(distinct(pooled), results, { title, label }) ?? [];
    }),
    ...groups.flatMap(questionBlocks),
  ];
}

function questionBlocks(group: readonly QuestionAnswer[]): Block[] {
  const { number, question } = group[0]!;
  return [
    heading(3, number === undefined ? question : `${number}. ${question}`),
    ...group.map((answer) =>
      paragraph(
        answer.pooled.map(pooledText).join(' '),
        `${nameText(answer)}: ${verdictText(answer)}.`,
      ),
    ),
    details(
      'By number of shots',
      ...group.map(({ byShots, pooled, ...answer }) =>
        comparisonTable([...pooled, ...byShots], nameText(answer)),
      ),
    ),
  ];
}

function nameText({
  model,
  ...view
}: Pick<QuestionAnswer, 'model' | 'scoring' | 'letters'>): string {
  return `${model}, ${viewName(view)}`;
}

export function verdictText({ verdict }: QuestionAnswer): string {
  return { yes: 'yes', no: 'no', 'not shown': 'not shown' }[verdict];
}

function pooledText(item: Comparison): string {
  const interval =
    item.low === null
      ? 'no interval from one cluster'
      : `95${PERCENT} interval ${signedRange(item)}`;
  const detectable =
    item.minimumDetectable === null
      ? ''
      : `; a true difference of ${item.minimumDetectable.toFixed(3)} would have been found 4 times in 5`;
  return `${item.candidate} minus ${item.against}: ${signed(item.difference)} (${interval}${detectable}).`;
}

/** The first way of scoring, with the letters in their usual order. */
function isPrimary({ scoring, letters }: { scoring: string; letters: string }): boolean {
  return scoring === 'likelihood' && letters === 'abc';
}

function distinct(comparisons: readonly Comparison[]): Comparison[] {
  return [...new Set(comparisons)];
}
