/**
 * Everything that `templates` hands on: documents, training examples, questions, and the counts that
 * show what is in them. Knows the policies of its parts only by name; knows no files.
 */

import { bareText } from './claim.ts';
import { countLabels } from './claim-count.ts';
import { DataError } from './data-error.ts';
import { type Example, writeExamples } from './example.ts';
import { fallbackShots } from './fallback-claims.ts';
import type { Letters } from './label.ts';
import {
  countInDocuments,
  measureLeakage,
  measureShots,
  type OverlapPolicy,
  separate,
  textsOf,
} from './leakage.ts';
import type { PageGroup, Pair } from './page-group.ts';
import type { PromptFormat } from './prompt.ts';
import { type Question, usesSpare, writeQuestions } from './question.ts';
import { chooseShots, type ShotList } from './shots.ts';
import { titleText } from './title.ts';
import type { PageText } from './truncation.ts';

export interface TemplateOptions {
  /** Numbers of shots to ask with. */
  readonly shots: readonly number[];
  /** Shots before each training example. */
  readonly exampleShots: number;
  readonly overlap: OverlapPolicy;
  /** Eval claims that stand word for word in a page's text: an error, or counted and allowed. */
  readonly claimsInPages: 'fail' | 'allow';
  /** `line`: a document begins with its title on a line of its own. */
  readonly documentTitle: 'line' | 'none';
  readonly format: Omit<PromptFormat, 'letters'>;
  /** Orders of the letters to ask with; the first is what examples are written in. */
  readonly letters: readonly Letters[];
  /** Choices of few-shot examples. */
  readonly shotSeeds: readonly number[];
  readonly seed: number;
}

export interface TemplateInput {
  readonly pages: readonly PageText[];
  readonly dev: readonly PageGroup[];
  readonly train: readonly PageGroup[];
}

export interface TemplateSet {
  readonly documents: readonly PageText[];
  readonly examples: readonly Example[];
  readonly prompts: readonly Question[];
  readonly stats: ReturnType<typeof countTemplates>;
}

/** A page with its questions and its list of shots. */
interface AskedPage {
  readonly page: string;
  readonly pairs: readonly Pair[];
  readonly lists: readonly { readonly shotSeed: number; readonly list: ShotList }[];
}

/** All in rank order of the pages; throws a `DataError` where `overlap: fail` finds something. */
export function makeTemplates(input: TemplateInput, options: TemplateOptions): TemplateSet {
  const dev = groupsOf(input.pages, input.dev);
  const train = groupsOf(input.pages, input.train);
  const shots = [...new Set(options.shots)].sort((a, b) => a - b);
  const asked = dev.map(({ page, pairs }, i): AskedPage => {
    const lists = options.shotSeeds.map((shotSeed) => ({
      shotSeed,
      list: chooseShots(train[i]!, shots.at(-1) ?? 0, options.seed + shotSeed),
    }));
    return { page, pairs, lists };
  });
  const format = { ...options.format, letters: options.letters[0]! };
  const questions = asked.flatMap(({ page, pairs, lists }) =>
    writeQuestions(pairs, { page, lists, shots, letters: options.letters, format }),
  );
  const documents = input.pages.map((page) => writeDocument(page, options.documentTitle));
  const { examples, overlapping } = learnable(dev, train, { ...options, format });
  const made = { documents, examples, prompts: questions };
  const stats = countTemplates({ ...made, asked, train, overlapping, policy: options.overlap });
  assertNoLeak(stats.leakage);
  if (options.claimsInPages === 'fail') refuseClaimsInPages(stats.leakage.inDocuments);
  return { ...made, stats };
}

/** The groups of the pages in the pages' order; empty where a page has none. */
function groupsOf(pages: readonly PageText[], groups: readonly PageGroup[]): PageGroup[] {
  const byPage = new Map(groups.map((group) => [group.page, group]));
  return pages.map(({ page }) => byPage.get(page) ?? { page, pairs: [] });
}

function writeDocument({ page, text }: PageText, title: 'line' | 'none'): PageText {
  return { page, text: title === 'line' ? `${titleText(page)}\n${text}` : text };
}

/** The training examples, without those that repeat a claim of `dev` unless that is allowed. */
function learnable(
  dev: readonly PageGroup[],
  train: readonly PageGroup[],
  options: Omit<TemplateOptions, 'format'> & { readonly format: PromptFormat },
) {
  const evalTexts = textsOf(dev.flatMap(({ pairs }) => pairs));
  const { groups, overlapping } = separate(train, evalTexts, options.overlap);
  const fallback = fallbackShots().filter(({ claim }) => !evalTexts.has(bareText(claim)));
  const { seed, format, exampleShots } = options;
  const examples = groups.flatMap((group) =>
    writeExamples(group, { shots: exampleShots, seed, format, fallback }),
  );
  return { examples, overlapping };
}

interface Made {
  readonly documents: readonly PageText[];
  readonly examples: readonly Example[];
  readonly prompts: readonly Question[];
  readonly asked: readonly AskedPage[];
  readonly train: readonly PageGroup[];
  readonly overlapping: number;
  readonly policy: OverlapPolicy;
}

function countTemplates({ documents, examples, prompts, asked, train, overlapping, policy }: Made) {
  const pairs = asked.flatMap((page) => page.pairs);
  const byCandidate = measureLeakage(pairs, examples, documents);
  const used = asked
    .filter((page) => page.pairs.length > 0)
    .flatMap(({ lists }) => lists.map(({ list }) => list));
  return {
    prompts: prompts.length,
    examples: examples.length,
    documents: documents.length,
    questions: pairs.length,
    leakage: {
      ...byCandidate.temp,
      policy,
      /** Training questions with the text of an eval claim; left out unless allowed. */
      overlapping,
      inDocuments: countInDocuments(pairs, documents),
      questions: new Set(pairs.map(({ claimId }) => claimId)).size,
      byCandidate,
      shots: measureShots(prompts),
    },
    /** Shots (the spares not counted) that the pages' lists took from the fallback claims. */
    shotsFromFallback: sum(
      used,
      ({ shots, own }) => shots.length - 1 - Math.min(own, shots.length - 1),
    ),
    /** Questions that are themselves among their page's shots, and so are asked with the spare. */
    questionsWithSpare: sum(
      asked,
      ({ pairs: own, lists }) =>
        own.filter((pair) => lists.some(({ list }) => usesSpare(pair, list))).length,
    ),
    pagesWithoutTraining: train.filter((group) => group.pairs.length === 0).length,
    labels: countLabels(pairs),
    exampleLabels: countLabels(examples),
    promptCharacters: spread(prompts.map(({ prompt }) => prompt.length)),
    exampleCharacters: spread(examples.map(({ prompt, answer }) => (prompt + answer).length)),
    documentCharacters: spread(documents.map(({ text }) => text.length)),
  };
}

function sum<T>(items: readonly T[], amountOf: (item: T) => number): number {
  return items.reduce((total, item) => total + amountOf(item), 0);
}

/** Whole numbers, so that the file does not hang on how a mean is rounded. */
function spread(lengths: readonly number[]) {
  if (lengths.length === 0) return { least: 0, mean: 0, most: 0 };
  const mean = Math.round(sum(lengths, (length) => length) / lengths.length);
  // Not Math.min(...lengths): a large set of prompts would overflow the stack.
  const least = lengths.reduce((a, b) => Math.min(a, b));
  const most = lengths.reduce((a, b) => Math.max(a, b));
  return { least, mean, most };
}

/** A memory of pages would know these claims by heart. */
function refuseClaimsInPages(count: number): void {
  if (count === 0) return;
  throw new DataError(`${count} eval claims stand word for word in the pages to be learnt`, {
    hint: 'set claimsInPages: allow for this stage; the report then states the number',
  });
}

/** The proof that the report repeats: measured on the written texts, and 0 unless allowed by name. */
function assertNoLeak(leakage: {
  exact: number;
  normalised: number;
  policy: OverlapPolicy;
  shots: { asked: number };
}): void {
  if (leakage.shots.asked > 0) {
    throw new DataError(`${leakage.shots.asked} shots repeat the claim that is asked after them`);
  }
  if (leakage.policy === 'allow' || leakage.normalised + leakage.exact === 0) return;
  throw new DataError(`${leakage.normalised} eval claims are left in the training examples`);
}
