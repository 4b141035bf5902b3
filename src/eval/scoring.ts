/** The ways to read an answer off a model. Names only. */

/**
 * `likelihood`: the label whose answer has the greatest log-likelihood (the sum over its tokens).
 * `per-token`, `per-byte`: that sum divided by the answer's number of tokens, or of UTF-8 bytes.
 * `calibrated`: each answer's probability divided by the one it has after a claim without content
 * (contextual calibration, Zhao et al. 2021). `pmi`: the log-likelihood less the one that the answer
 * has without any context (pointwise mutual information, as EleutherAI's harness has it).
 * `generate`: the model writes, and the first letter is read.
 */
export const SCORINGS = [
  'likelihood',
  'per-token',
  'per-byte',
  'calibrated',
  'pmi',
  'generate',
] as const;

export type Scoring = (typeof SCORINGS)[number];

/** What the baselines answer by: they see the claim and no prompt. */
export const CLAIM_ONLY = 'claim-only';

export type AnyScoring = Scoring | typeof CLAIM_ONLY;
