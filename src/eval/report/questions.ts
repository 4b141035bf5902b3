/**
 * The experiment's four questions, answered by comparisons that `eval` made, and by a rule that is
 * fixed here and not chosen after the numbers. Knows no layout and computes no statistic.
 *
 * The rule: a verdict looks at the differences over all numbers of shots together. `yes` needs each of
 * them to be surely above 0 (its interval, and its p-value corrected within its family), `no` one that
 * is surely below; else `not shown`.
 */
import { PRETRAINED } from '../examine.ts';
import type { Comparison, ModelResults, View } from './results-file.ts';

export type Verdict = 'yes' | 'no' | 'not shown';

export interface QuestionAnswer extends View {
  /** 1 to 4 of the experiment; absent for a memory that it does not name. */
  readonly number?: 1 | 2 | 3 | 4;
  readonly question: string;
  readonly model: string;
  readonly verdict: Verdict;
  /** Over all numbers of shots together. */
  readonly pooled: readonly Comparison[];
  /** The same by number of shots, where it was compared. */
  readonly byShots: readonly Comparison[];
}

const NAMED = ['doc', 'temp', 'doctemp'];

/** By model and view; a question whose comparisons are absent is left out. */
export function answerQuestions(models: readonly ModelResults[]): QuestionAnswer[] {
  return models.flatMap((results) =>
    viewsOf(results.comparisons).flatMap((view) => answersIn(results, view)),
  );
}

/** The views that comparisons or rows appear in, in order of appearance. */
export function viewsOf(items: readonly View[]): View[] {
  const views = new Map(
    items.map(({ scoring, letters }) => [`${scoring} ${letters}`, { scoring, letters }]),
  );
  return [...views.values()];
}

export function isIn({ scoring, letters }: View): (item: View) => boolean {
  return (item) => item.scoring === scoring && item.letters === letters;
}

/** `doc` of `doc` and of `doc,lora`: the candidate's own name, without the labels of other axes. */
export function baseName(candidate: string): string {
  return candidate.split(',')[0]!;
}

function answersIn({ model, candidates, comparisons }: ModelResults, view: View): QuestionAnswer[] {
  const own = comparisons.filter(isIn(view));
  const answer = question(own, { model, ...view });
  const memories = candidates.filter(({ kind }) => kind === 'memory').map(({ name }) => name);
  const named = (base: string) => memories.filter((name) => baseName(name) === base);
  const others = memories.filter((name) => !NAMED.includes(baseName(name)));
  return [
    answer(1, 'Do few-shot examples help without memory training?', PRETRAINED, [
      'pretrained, 0 shots',
    ]),
    ...named('doc').map((name) => answer(2, 'Does memory of the pages help?', name, [PRETRAINED])),
    ...named('temp').map((name) =>
      answer(3, 'Does memory of the templates help?', name, [PRETRAINED]),
    ),
    ...named('doctemp').map((name) =>
      answer(4, 'Is the memory of both the best?', name, [PRETRAINED, ...siblings(name, memories)]),
    ),
    ...others.map((name) => answer(undefined, `Does the memory ${name} help?`, name, [PRETRAINED])),
  ].flat();
}

/** `doc,lora` and `temp,lora` of `doctemp,lora`. */
function siblings(name: string, memories: readonly string[]): string[] {
  const rest = name.slice(baseName(name).length);
  const wanted = ['doc', 'temp'].map((base) => `${base}${rest}`);
  return wanted.every((each) => memories.includes(each)) ? wanted : ['a memory that was not run'];
}

function question(comparisons: readonly Comparison[], place: View & { model: string }) {
  return (
    number: QuestionAnswer['number'],
    text: string,
    candidate: string,
    opponents: readonly string[],
  ): QuestionAnswer[] => {
    const between = comparisons.filter(
      (item) => item.candidate === candidate && opponents.includes(item.against),
    );
    const pooled = opponents.flatMap(
      (against) => between.find((item) => item.against === against && item.shots === null) ?? [],
    );
    if (pooled.length < opponents.length) return [];
    const { model, scoring, letters } = place;
    const byShots = between.filter(({ shots }) => shots !== null);
    const verdict = verdictOf(pooled);
    const asked = { question: text, model, scoring, letters, verdict, pooled, byShots };
    return [number === undefined ? asked : { number, ...asked }];
  };
}

function verdictOf(pooled: readonly Comparison[]): Verdict {
  if (pooled.every(isSurelyBetter)) return 'yes';
  return pooled.some(isSurelyWorse) ? 'no' : 'not shown';
}

export function isSurelyBetter({ low, pHolm }: Comparison): boolean {
  return low !== null && low > 0 && pHolm < 0.05;
}

function isSurelyWorse({ high, pHolm }: Comparison): boolean {
  return high !== null && high < 0 && pHolm < 0.05;
}
