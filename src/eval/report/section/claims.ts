/** What one might conclude, each beside the control that could refute it; and the gates. */
import { type Block, details, heading, paragraph, type Table } from '../document.ts';
import { viewName } from '../figures.ts';
import { pText, signed, signedRange } from '../number-text.ts';
import { isIn, viewsOf } from '../questions.ts';
import type { Report } from '../report.ts';
import type { ClaimVerdict, ModelResults, View } from '../results-file.ts';

export function claimBlocks({ models }: Report): Block[] {
  const groups = models.flatMap((results) =>
    viewsOf(results.claims).map((view) => claimTable(results, view)),
  );
  const [first, ...others] = groups;
  if (first === undefined) return [];
  return [
    heading(2, 'Knowledge, or something else?'),
    paragraph(
      'A better accuracy can have other reasons than the one that is hoped for. Each claim stands beside ' +
        'the control that would do as well if the claim were wrong: it stands only where the candidate is ' +
        'surely better than that control. A control that was not run leaves its claim open.',
    ),
    first,
    ...others.map((table) => details(`Claims: ${table.caption}`, table)),
  ];
}

function claimTable({ model, claims }: ModelResults, view: View): Table & { caption: string } {
  return {
    kind: 'table',
    caption: `${model}, ${viewName(view)}`,
    head: ['claim', 'verdict', 'control', 'difference', 'Holm p'],
    rows: claims
      .filter(isIn(view))
      .map((item) => [item.claim, item.verdict, item.control, ...differenceCells(item)]),
    words: 3,
  };
}

function differenceCells({ comparison }: ClaimVerdict): string[] {
  if (comparison === null) return ['–', '–'];
  const { difference, pHolm } = comparison;
  return [`${signed(difference)}\n${signedRange(comparison)}`, pText(pHolm)];
}

/** What was checked before any number was written. */
export function gateBlocks({ models }: Report): Block[] {
  const rows = models.flatMap(({ model, gates }) =>
    gates.map(({ name, checked, what }) => [name, model, what, String(checked)]),
  );
  if (rows.length === 0) return [];
  return [
    heading(2, 'Gates'),
    paragraph('Each of these would have stopped the evaluation with an error. All of them passed.'),
    { kind: 'table', head: ['gate', 'model', 'what it checks', 'checked'], rows, words: 3 },
  ];
}
