/** What both sides of `bench/numerics.mjs` work on: shapes, and random token ids in the experiment's form. */

const pythia = { layers: 6, rotaryShare: 0.25, vocab: 50304, maxPositions: 2048 };

/** Pythia's shapes; weights are random. */
export const SHAPES = {
  '14m': { ...pythia, hidden: 128, heads: 4, intermediate: 512 },
  '70m': { ...pythia, hidden: 512, heads: 8, intermediate: 2048 },
  '160m': { ...pythia, layers: 12, hidden: 768, heads: 12, intermediate: 3072 },
  '410m': { ...pythia, layers: 24, hidden: 1024, heads: 16, intermediate: 4096 },
};

/** Park and Miller's generator: the same ids on every machine. */
function randomIds(seed) {
  let state = (seed * 2654435761 + 1) % 2147483647 || 1;
  const next = () => {
    state = (state * 48271) % 2147483647;
    return state;
  };
  return {
    id: () => next() % 50000,
    ids: (count) => Array.from({ length: count }, () => next() % 50000),
    between: (low, high) => low + (next() % (high - low + 1)),
  };
}

/** Texts of `tokens` tokens (one more than is put in), trained from token `supervisedFrom`. */
export function trainingTexts(count, tokens, supervisedFrom, { source = 'temp', seed = 1 } = {}) {
  const random = randomIds(seed);
  return Array.from({ length: count }, () => ({
    source,
    page: 'P',
    ids: random.ids(tokens),
    supervisedFrom,
  }));
}

/** The tokens of ` (a)`, ` (b)`, ` (c)` in Pythia's vocabulary are three each; first and last are shared. */
const ANSWERS = [
  [313, 66, 10],
  [313, 67, 10],
  [313, 68, 10],
];

/** The questions of one page at a number of shots: a heading of 30 tokens, shots of 16, claims of 9–17. */
export function groupOf(page, claims, shots) {
  const random = randomIds(1000 + page);
  const heading = randomIds(7).ids(30);
  const before = [...heading, ...random.ids(16 * shots)];
  return Array.from({ length: claims }, () => ({
    context: [...before, ...random.ids(random.between(12, 20))],
    continuations: ANSWERS,
  }));
}

/**
 * Pages of 20 claims at 0–5 shots; a page has two chunks of text and 20 training examples of 128
 * tokens whose answer is supervised.
 */
export function experimentOf(claims) {
  const pages = Math.ceil(claims / 20);
  const groups = [0, 1, 2, 3, 4, 5].flatMap((shots) =>
    Array.from({ length: pages }, (_, page) =>
      groupOf(page, Math.min(20, claims - 20 * page), shots),
    ),
  );
  return {
    groups,
    texts: [
      ...trainingTexts(2 * pages, 129, 0, { source: 'doc', seed: 2 }),
      ...trainingTexts(20 * pages, 129, 126, { source: 'temp', seed: 3 }),
    ],
  };
}
