/**
 * The invalid gate: a generated text that names no letter must count as INVALID, and one that names a
 * letter as that letter's label. Counts again, from the texts, by another rule than the judge's.
 */
import { INVALID } from '../answer.ts';
import { labelOf } from '../judge.ts';
import type { Prediction } from '../prediction.ts';
import { GateError, type GateRecord } from './gate.ts';

export function invalidGate(predictions: readonly Prediction[]): GateRecord {
  const generated = predictions.filter(({ text }) => text !== undefined);
  for (const { text, predicted, letters, claimId, candidate } of generated) {
    const letter = /\(([abc])\)/u.exec(text!)?.[1];
    const expected = letter === undefined ? INVALID : labelOf(letter, letters);
    if (predicted === expected) continue;
    throw new GateError(
      'invalid gate',
      `${candidate} wrote ${JSON.stringify(text)} on claim ${claimId}, which is ${expected}, ` +
        `and it counts as ${predicted}`,
      'an answer without a letter is wrong, and no label: see src/eval/judge.ts',
    );
  }
  return { name: 'invalid gate', checked: generated.length, what: 'generated answers' };
}
