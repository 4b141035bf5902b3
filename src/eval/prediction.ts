/** One answer to one prompt, as `predictions.jsonl` holds it. Types only. */
import type { ClaimId } from '../fever/claim.ts';
import type { Label } from '../fever/label.ts';
import type { Answer } from './answer.ts';
import type { AnyScoring } from './scoring.ts';

/** What a prediction answers; a cell's replicates all answer the same questions. */
export interface Asked {
  readonly claimId: ClaimId;
  readonly page: string;
  readonly gold: Label;
}

export interface Prediction extends Asked {
  readonly model: string;
  readonly candidate: string;
  /** What the memory was trained or drawn with; null where nothing is. */
  readonly seed: number | null;
  readonly shots: number;
  readonly shotSeed: number;
  readonly letters: string;
  readonly scoring: AnyScoring;
  /** Beginning of the prompt's SHA-256; null where the claim alone was seen. */
  readonly prompt: string | null;
  readonly predicted: Answer;
  /** What was compared, by letter; null where nothing was. */
  readonly scores: Readonly<Record<string, number>> | null;
  /** What was generated. */
  readonly text?: string;
}
