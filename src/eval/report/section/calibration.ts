/** Whether the models are right as often as they are sure. */
import { type Block, details, heading, paragraph, type Table } from '../document.ts';
import { reliabilityFigure, viewName } from '../figures.ts';
import { digits, rangeText, signed, signedRange } from '../number-text.ts';
import { isIn, viewsOf } from '../questions.ts';
import type { Report } from '../report.ts';

export function calibrationBlocks({ calibrations, models }: Report): Block[] {
  const [first, ...others] = viewsOf(calibrations);
  if (first === undefined) return [];
  const figures = (view: typeof first) =>
    models.flatMap((results) => reliabilityFigure(calibrations, results, view) ?? []);
  return [
    heading(2, 'Calibration'),
    paragraph(
      'The confidence of an answer is its share of the three answers’ likelihoods. A calibrated model is ' +
        'right in 7 of 10 answers that it gives with a confidence of .7. The expected calibration error is ' +
        'the mean distance from the diagonal; chance alone makes it greater than 0, so it has no interval ' +
        'here. The Brier score is the squared distance of the three shares from the truth (0 is perfect, ' +
        '⅔ is knowing nothing).',
    ),
    ...figures(first),
    calibrationTable(calibrations.filter(isIn(first))),
    ...others.map((view) =>
      details(
        `Calibration: ${viewName(view)}`,
        ...figures(view),
        calibrationTable(calibrations.filter(isIn(view))),
      ),
    ),
  ];
}

function calibrationTable(calibrations: Report['calibrations']): Table {
  return {
    kind: 'table',
    head: [
      'model',
      'candidate',
      'scoring',
      'answers',
      'confidence − accuracy',
      'Brier score',
      'calibration error',
    ],
    rows: calibrations.map((item) => [
      item.model,
      item.candidate,
      viewName(item),
      String(item.n),
      `${signed(item.overconfidence.value)}\n${signedRange(item.overconfidence)}`,
      `${digits(item.brier.value)}\n${rangeText(item.brier)}`,
      digits(item.expectedError),
    ]),
    words: 3,
  };
}
