/**
 * Asks every candidate every prompt, group by group, and remembers each group's answers, so that a
 * killed evaluation resumes and an edited claim costs its own group only. Knows a scorer by
 * interface: no model, no memory, no store.
 */
import { createHash } from 'node:crypto';
import { type Answer, likeliest, parseAnswer, scoresByLetter } from './answer.ts';
import { groupPrompts, type Prompt } from './prompt.ts';

export type Scoring = 'likelihood' | 'generate';

/** The name of the candidate that has no memory: what all others are compared with. */
export const PRETRAINED = 'pretrained';

export interface Candidate {
  readonly name: string;
  /** Names everything that its answers depend on, beside the prompt. */
  readonly digest: string;
}

export interface Likelihoods {
  /** By prompt and label, in the order of the label table. */
  readonly scores: readonly (readonly number[])[];
  /** Largest |difference| to the logits of the first candidate asked for. */
  readonly maxAbsLogitDelta: number;
}

/** What an evaluation needs of a model. Prompts handed over together begin alike. */
export interface Scorer {
  /** Log-likelihoods of the labels' answers, one entry a candidate. */
  logLikelihoods(prompts: readonly string[], candidates: readonly string[]): Promise<Likelihoods[]>;
  /** What the candidate writes after each prompt, greedily. */
  generate(prompts: readonly string[], candidate: string): Promise<string[]>;
}

/** What `ctx.memo` offers. */
export interface Remembrance {
  get(key: string): Uint8Array | undefined;
  set(key: string, value: Uint8Array): void;
}

export interface Examination {
  readonly prompts: readonly Prompt[];
  /** The first is `pretrained`. */
  readonly candidates: readonly Candidate[];
  readonly scorings: readonly Scoring[];
  readonly scorer: Scorer;
  readonly memo: Remembrance;
  readonly progress: (done: number, total: number) => void;
}

export interface Reply {
  readonly answer: Answer;
  /** Log-likelihoods by letter; absent when the answer was generated. */
  readonly scores?: Readonly<Record<string, number>>;
}

export interface Outcome {
  /** By candidate, then scoring; one reply a prompt, in the prompts' order. */
  readonly replies: ReadonlyMap<string, ReadonlyMap<Scoring, readonly Reply[]>>;
  /** By candidate, then number of shots: largest |difference| to `pretrained`'s logits. */
  readonly deltas: ReadonlyMap<string, ReadonlyMap<number, number>>;
}

/**
 * Runs the examination. Likelihoods are always computed, whatever the scorings: the effect of a
 * memory is measured on them.
 */
export async function examine(examination: Examination): Promise<Outcome> {
  const { prompts, candidates, scorings, progress } = examination;
  const replies = new Map(
    candidates.map(({ name }) => [
      name,
      new Map(scorings.map((scoring) => [scoring, [] as Reply[]])),
    ]),
  );
  const deltas = new Map(candidates.map(({ name }) => [name, new Map<number, number>()]));
  let done = 0;
  for (const group of groupPrompts(prompts)) {
    const asked = group.map((at) => prompts[at]!);
    const answers = await askGroup(examination, asked);
    for (const { candidate, likelihoods, generated } of answers) {
      const { shots } = asked[0]!;
      const shotDeltas = deltas.get(candidate)!;
      shotDeltas.set(shots, Math.max(shotDeltas.get(shots) ?? 0, likelihoods.maxAbsLogitDelta));
      group.forEach((prompt, at) => {
        const own = replies.get(candidate)!;
        const scores = likelihoods.scores[at]!;
        const reply = { answer: likeliest(scores), scores: scoresByLetter(scores) };
        if (own.has('likelihood')) own.get('likelihood')![prompt] = reply;
        if (generated) own.get('generate')![prompt] = { answer: parseAnswer(generated[at]!) };
      });
    }
    done += group.length;
    progress(done, prompts.length);
  }
  return { replies, deltas };
}

interface GroupAnswers {
  readonly candidate: string;
  readonly likelihoods: Likelihoods;
  readonly generated?: readonly string[];
}

async function askGroup(
  { candidates, scorings, scorer, memo }: Examination,
  asked: readonly Prompt[],
): Promise<GroupAnswers[]> {
  const texts = asked.map(({ prompt }) => prompt);
  const likelihoods = await likelihoodsOf({ candidates, scorer, memo }, texts);
  const answers: GroupAnswers[] = [];
  for (const [at, candidate] of candidates.entries()) {
    const base = { candidate: candidate.name, likelihoods: likelihoods[at]! };
    if (!scorings.includes('generate')) answers.push(base);
    else {
      const ask = () => scorer.generate(texts, candidate.name);
      const generated = await remembered(memo, keyOf('generate', candidate, texts), ask);
      answers.push({ ...base, generated });
    }
  }
  return answers;
}

/** Runs only what is not remembered; `pretrained` runs along, since differences to it are wanted. */
async function likelihoodsOf(
  { candidates, scorer, memo }: Pick<Examination, 'candidates' | 'scorer' | 'memo'>,
  texts: readonly string[],
): Promise<Likelihoods[]> {
  const reference = candidates[0]!;
  const keyFor = (candidate: Candidate) =>
    keyOf('likelihood', { ...candidate, digest: `${reference.digest} ${candidate.digest}` }, texts);
  const known = candidates.map((candidate) => recall<Likelihoods>(memo, keyFor(candidate)));
  const missing = candidates.filter((_, at) => known[at] === undefined);
  if (missing.length > 0) {
    const asked = [reference, ...missing.filter((candidate) => candidate !== reference)];
    const fresh = await scorer.logLikelihoods(
      texts,
      asked.map(({ name }) => name),
    );
    asked.forEach((candidate, at) => {
      known[candidates.indexOf(candidate)] = fresh[at]!;
      keepValue(memo, keyFor(candidate), fresh[at]!);
    });
  }
  return known as Likelihoods[];
}

function keyOf(scoring: Scoring, { digest }: Candidate, texts: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(texts)).digest('hex');
  return `${scoring} ${digest} ${hash}`;
}

async function remembered<T>(
  memo: Remembrance,
  key: string,
  compute: () => Promise<T>,
): Promise<T> {
  const known = recall<T>(memo, key);
  if (known !== undefined) return known;
  const value = await compute();
  keepValue(memo, key, value);
  return value;
}

function recall<T>(memo: Remembrance, key: string): T | undefined {
  const bytes = memo.get(key);
  return bytes === undefined ? undefined : (JSON.parse(Buffer.from(bytes).toString()) as T);
}

function keepValue(memo: Remembrance, key: string, value: unknown): void {
  memo.set(key, Buffer.from(JSON.stringify(value)));
}
