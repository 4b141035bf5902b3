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
  const primary = group.filter(isPrimary);
  const others = group.filter((answer) => !isPrimary(answer));
  return [
    heading(3, number === undefined ? question : `${number}. ${question}`),
    ...(primary.length === 0 ? others : primary).map(verdictParagraph),
    ...(primary.length === 0 || others.length === 0
      ? []
      : [details('Other ways of scoring', ...others.map(verdictParagraph))]),
    details(
      'Tests, and by number of shots',
      ...group.map((answer) =>
        comparisonTable([...answer.pooled, ...answer.byShots], nameText(answer)),
      ),
    ),
  ];
}

function verdictParagraph(answer: QuestionAnswer): Block {
  const lead = `${nameText(answer)}: ${answer.verdict}.`;
  return paragraph(`${answer.pooled.map(pooledText).join('; ')}.`, lead);
}

function nameText({ model, ...view }: QuestionAnswer): string {
  return `${model}, ${viewName(view)}`;
}

function pooledText(item: Comparison): string {
  const { candidate, against, difference } = item;
  const interval = item.low === null ? 'no interval from one cluster' : signedRange(item);
  return `${candidate} minus ${against} ${signed(difference)} (${interval})`;
}

/** The first way of scoring, with the letters in their usual order. */
function isPrimary({ scoring, letters }: { scoring: string; letters: string }): boolean {
  return scoring === 'likelihood' && letters === 'abc';
}

function distinct(comparisons: readonly Comparison[]): Comparison[] {
  return [...new Set(comparisons)];
}
