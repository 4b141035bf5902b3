/** The order of the report. Knows its sections, neither Markdown nor HTML. */
import { type Block, heading, paragraph } from './document.ts';
import { grouped, listText, PERCENT } from './number-text.ts';
import type { Report } from './report.ts';
import { fullResults, noteTables, plotBlocks, seedBlocks } from './section/accuracy.ts';
import { answerBlocks } from './section/answers.ts';
import { confusionBlocks, effectBlocks, pageBlocks } from './section/answers-given.ts';
import { calibrationBlocks } from './section/calibration.ts';
import { claimBlocks, gateBlocks } from './section/claims.ts';
import { dataBlocks } from './section/data.ts';
import { methodBlocks } from './section/methods.ts';
import { promptBlocks } from './section/prompts.ts';
import { provenanceBlocks } from './section/provenance.ts';

export const TITLE = 'Does memory help factual prediction?';

export function composeReport(report: Report): Block[] {
  return [
    heading(1, TITLE),
    paragraph(summaryOf(report)),
    ...answerBlocks(report),
    ...claimBlocks(report),
    ...plotBlocks(report),
    ...noteTables(report),
    ...fullResults(report),
    ...seedBlocks(report),
    ...effectBlocks(report),
    ...confusionBlocks(report),
    ...calibrationBlocks(report),
    ...pageBlocks(report),
    ...promptBlocks(report),
    ...dataBlocks(report),
    ...gateBlocks(report),
    ...methodBlocks(report),
    ...provenanceBlocks(report),
  ];
}

function summaryOf({ models }: Report): string {
  const names = models.map(({ model }) => model);
  const design = models[0]?.design;
  if (design === undefined) return 'No model was evaluated.';
  return (
    `${grouped(design.questions)} questions on ${grouped(design.pages)} pages, asked of ${listText(names)}. ` +
    `Every estimate carries its 95${PERCENT} interval, which knows that questions of one page belong together.`
  );
}
