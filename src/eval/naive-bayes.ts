/**
 * The claim-only baseline: multinomial naive Bayes on the words of the claim. It sees no page, so a
 * memory must beat it before anyone may speak of knowledge. Knows texts and labels only.
 */

export interface LabelledClaim {
  readonly claim: string;
  readonly label: string;
}

export interface NaiveBayes {
  /** Log prior plus log likelihood by label, up to a constant; labels in the order of training. */
  scores(claim: string): ReadonlyMap<string, number>;
  /** The label with the highest score; the earlier label in `labels` wins a tie. */
  predict(claim: string): string;
}

/** Lower-case runs of letters, digits and combining marks, in NFC. */
export function wordsOf(claim: string): string[] {
  return (
    claim
      .normalize('NFC')
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? []
  );
}

/**
 * Trains with add-one smoothing; words never seen in training are ignored when scoring, as in
 * scikit-learn's CountVectorizer and MultinomialNB. A label without a training claim is never
 * predicted. @throws RangeError without any claim.
 */
export function trainNaiveBayes(
  claims: readonly LabelledClaim[],
  labels: readonly string[],
): NaiveBayes {
  if (claims.length === 0) throw new RangeError('trainNaiveBayes: no training claims');
  const classes = labels
    .filter((label) => claims.some((item) => item.label === label))
    .map((label) => countWords(label, claims));
  const vocabulary = new Set(classes.flatMap((item) => [...item.counts.keys()]));
  const scores = (claim: string) => {
    const words = wordsOf(claim).filter((word) => vocabulary.has(word));
    return new Map(classes.map((item) => [item.label, scoreOf(item, words, vocabulary.size)]));
  };
  return { scores, predict: (claim) => highest(scores(claim)) };
}

interface LabelCounts {
  readonly label: string;
  readonly logPrior: number;
  readonly total: number;
  readonly counts: ReadonlyMap<string, number>;
}

function countWords(label: string, claims: readonly LabelledClaim[]): LabelCounts {
  const own = claims.filter((item) => item.label === label);
  const counts = new Map<string, number>();
  let total = 0;
  for (const { claim } of own) {
    for (const word of wordsOf(claim)) {
      counts.set(word, (counts.get(word) ?? 0) + 1);
      total += 1;
    }
  }
  return { label, logPrior: Math.log(own.length / claims.length), total, counts };
}

function scoreOf(item: LabelCounts, words: readonly string[], vocabularySize: number): number {
  const logTotal = Math.log(item.total + vocabularySize);
  return words.reduce(
    (score, word) => score + Math.log((item.counts.get(word) ?? 0) + 1) - logTotal,
    item.logPrior,
  );
}

/** The key of the greatest value; the first of equals. @throws RangeError on an empty map. */
export function highest(scores: ReadonlyMap<string, number>): string {
  let best: string | undefined;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const [label, score] of scores) {
    if (best === undefined || score > bestScore) {
      best = label;
      bestScore = score;
    }
  }
  if (best === undefined) throw new RangeError('highest: no scores');
  return best;
}

/** The most frequent label of the training claims; the earlier in `labels` wins a tie. */
export function majorityLabel(claims: readonly LabelledClaim[], labels: readonly string[]): string {
  const counts = labels.map(
    (label) => [label, claims.filter((item) => item.label === label).length] as const,
  );
  return highest(new Map(counts));
}
