/** A line of `eval`'s predictions, as far as a report reads it. Knows the format only. */
import { type ClaimId, decodeId, decodeLabel } from '../../fever/claim.ts';
import { countOf, FieldError, recordOf, stringOf } from '../../fever/field.ts';
import { isLabel, type Label } from '../../fever/label.ts';
import { type Answer, INVALID } from '../answer.ts';

export interface PredictionLine {
  readonly model: string;
  readonly candidate: string;
  readonly shots: number;
  readonly letters: string;
  readonly scoring: string;
  /** Names the training seed and the choice of shots. */
  readonly replicate: string;
  readonly claimId: ClaimId;
  readonly page: string;
  readonly gold: Label;
  readonly predicted: Answer;
  /** By letter; null where the answer was generated or needs no model. */
  readonly scores: Readonly<Record<string, number>> | null;
}

/** @throws FieldError where the line is not such a record */
export function decodePrediction(value: unknown): PredictionLine {
  const record = recordOf(value);
  const { predicted, seed, shotSeed } = record;
  if (predicted !== INVALID && !isLabel(predicted)) throw new FieldError('predicted: no label');
  return {
    model: stringOf(record.model, 'model'),
    candidate: stringOf(record.candidate, 'candidate'),
    shots: countOf(record.shots, 'shots'),
    letters: stringOf(record.letters, 'letters'),
    scoring: stringOf(record.scoring, 'scoring'),
    replicate: JSON.stringify([seed, shotSeed]),
    claimId: decodeId(record.claimId, 'claimId'),
    page: stringOf(record.page, 'page'),
    gold: decodeLabel(record.gold, 'gold'),
    predicted,
    scores: scoresOf(record.scores),
  };
}

function scoresOf(value: unknown): PredictionLine['scores'] {
  if (value === null) return null;
  const record = recordOf(value);
  for (const [letter, score] of Object.entries(record)) {
    if (typeof score !== 'number') throw new FieldError(`scores.${letter}: expected a number`);
  }
  return record as Readonly<Record<string, number>>;
}
