/** A table of comparisons, as several sections show one. */
import type { Table } from '../document.ts';
import { grouped, pText, signed, signedRange } from '../number-text.ts';
import type { Comparison } from '../results-file.ts';

export function comparisonTable(comparisons: readonly Comparison[], caption?: string): Table {
  return {
    kind: 'table',
    ...(caption === undefined ? {} : { caption }),
    head: [
      'candidate',
      'against',
      'shots',
      `difference`,
      'only it',
      'only other',
      'p',
      'Holm p',
      'McNemar p',
      'effective n',
      'detectable',
    ],
    rows: comparisons.map((item) => [
      item.candidate,
      item.against,
      shotsText(item.shots),
      `${signed(item.difference)}\n${signedRange(item)}`,
      grouped(item.onlyCandidate),
      grouped(item.onlyOther),
      pText(item.p),
      pText(item.pHolm),
      pText(item.pMcNemar),
      item.effectiveN === null ? '–' : item.effectiveN.toFixed(0),
      item.minimumDetectable === null ? '–' : signed(item.minimumDetectable).replace('+', '±'),
    ]),
    words: 2,
  };
}

/** `all` where every number of shots is taken together. */
function shotsText(shots: number | null): string {
  return shots === null ? 'all' : String(shots);
}
