/** What each number means, in a sentence that can stand beside it. */
export const DEFINITIONS = {
  accuracy: 'Right answers over all questions; INVALID is wrong.',
  f1Micro:
    'F1 over all answers together, INVALID among the labels: equal to the accuracy, since every wrong answer is one false positive and one false negative.',
  f1MicroReal:
    'F1 over the real labels together: 2 C / (V + N) with C right answers, V valid ones and N questions.',
  f1MacroUnion:
    'Mean F1 of the labels that occur among the gold labels or the answers, INVALID included (scikit-learn’s default).',
  f1MacroFixed3: 'Mean F1 of the three labels, whether they occur or not.',
  f1MacroSupport: 'Mean F1 of the labels that have gold questions.',
  balancedAccuracy: 'Mean recall of the labels that have gold questions.',
  invalidRate: 'Share of the answers that name no label.',
  interval:
    'A 95 % interval that knows of the clusters. Of a metric: a bootstrap that resamples whole clusters (BCa, with Student’s quantiles at the effective number of clusters). Of a difference, and wherever there are several seeds: Student’s t, the variance from leaving each cluster out in turn and from the seeds’ own means.',
  cluster:
    'Questions that share a page, a claim or a claim’s text, and all that hangs together through them.',
  p: 'Two-sided. Sign flips of whole clusters; with several seeds Student’s t over pages and seeds.',
  pMcNemar: 'McNemar’s exact test, which takes all questions for independent.',
  pHolm: 'After Holm’s correction over the family that is named.',
  designEffect:
    'How many times larger the variance is than that of independent questions: 1 + (ñ − 1) · ICC.',
  effectiveN: 'How many independent questions these are worth: n over the design effect.',
  minimumDetectable:
    'The true difference that this experiment would find with 80 % power, testing at 5 %.',
} as const;
