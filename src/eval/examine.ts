/**
 * Asks every contestant every prompt, and remembers each prompt's answer by itself, so that a killed
 * evaluation resumes and an edited claim costs its own forward passes only. Knows a scorer by
 * interface: no model, no memory, no store.
 */
import { createHash } from 'node:crypto';
import { groupPrompts, headOf, type Prompt } from './prompt.ts';
import type { Scoring } from './scoring.ts';

/** The name of the candidate that has no memory: what all others are compared with. */
export const PRETRAINED = 'pretrained';

/** What the scorer can be asked: the model as it came, or with one memory. */
export interface Subject {
  readonly name: string;
  /** Names everything that its answers depend on, beside the text. */
  readonly digest: string;
}

/** A candidate under one seed. */
export interface Contestant {
  readonly candidate: string;
  /** What its memory was trained or drawn with; null without one. */
  readonly seed: number | null;
  /** Who answers for it, which may hang on the page. */
  readonly subjectOf: (prompt: Prompt) => Subject;
  /** What it is asked with, where that is more than the prompt. */
  readonly textOf?: (prompt: Prompt) => string;
}

export interface Likelihoods {
  /** By text and label, in the order of the letters. */
  readonly scores: readonly (readonly number[])[];
  /** By text, the largest |difference| to the logits of the first subject asked for. */
  readonly maxAbsLogitDeltas: readonly number[];
}

export interface Generated {
  /** One a prompt. */
  readonly texts: readonly string[];
  /** By prompt, of the logits that the text's first token was chosen by. */
  readonly firstLogitsDigests: readonly string[];
}

/** What an evaluation needs of a model. Texts handed over together begin alike. */
export interface Scorer {
  /** Log-likelihoods of the letters' answers, one entry a subject. */
  logLikelihoods(texts: readonly string[], subjects: readonly string[]): Promise<Likelihoods[]>;
  /** What the subject writes after each text, greedily. */
  generate(texts: readonly string[], subject: string): Promise<Generated>;
}

/** What `ctx.memo` offers. */
export interface Remembrance {
  get(key: string): Uint8Array | undefined;
  set(key: string, value: Uint8Array): void;
}

export interface Examination {
  readonly prompts: readonly Prompt[];
  /** The model as it came: what differences of logits are measured against. */
  readonly reference: Subject;
  readonly contestants: readonly Contestant[];
  readonly scorings: readonly Scoring[];
  /** Claims without content, for `calibrated`. */
  readonly contentFree: readonly string[];
  readonly scorer: Scorer;
  readonly memo: Remembrance;
  readonly progress: (done: number, total: number) => void;
}

/** What one subject says to one text. */
export interface Reply {
  /** Log-likelihoods of the letters' answers. */
  readonly scores: readonly number[];
  readonly maxAbsLogitDelta: number;
  readonly generated?: { readonly text: string; readonly firstLogitsDigest: string };
}

export interface Outcome {
  /** By subject, then text. */
  readonly replies: ReadonlyMap<string, ReadonlyMap<string, Reply>>;
  /** Texts and subjects that were run now, and not remembered. */
  readonly fresh: readonly Run[];
}

/** A forward pass: one text through the model of one subject, likelihoods or generation. */
export interface Run {
  readonly text: string;
  readonly subject: string;
}

/** Texts that begin alike, and who is asked them. */
interface Sitting {
  readonly texts: readonly string[];
  readonly subjects: readonly Subject[];
}

/**
 * Runs the examination. Likelihoods are always computed, whatever the scorings: the size of a
 * memory's effect is measured on them. Generation takes another path through the model, so whether
 * the memory took part in it is seen on its own logits.
 */
export async function examine(examination: Examination): Promise<Outcome> {
  const replies = new Map<string, Map<string, Reply>>();
  const fresh: Run[] = [];
  const sittings = sittingsOf(examination);
  const total = sittings.reduce((sum, { texts }) => sum + texts.length, 0);
  let done = 0;
  for (const sitting of sittings) {
    const known = await likelihoodsOf(examination, sitting, fresh);
    const written = examination.scorings.includes('generate')
      ? await generationsOf(examination, sitting, fresh)
      : undefined;
    for (const [at, { name }] of sitting.subjects.entries()) {
      const own = replies.get(name) ?? new Map<string, Reply>();
      replies.set(name, own);
      sitting.texts.forEach((text, place) => {
        const generated = written?.[at]?.[place];
        own.set(text, { ...known[at]![place]!, ...(generated ? { generated } : {}) });
      });
    }
    done += sitting.texts.length;
    examination.progress(done, total);
  }
  return { replies, fresh };
}

/** The text that a contestant is asked a prompt with. */
export function textFor({ textOf }: Contestant, prompt: Prompt): string {
  return textOf?.(prompt) ?? prompt.prompt;
}

/** A prompt with a claim without content in the place of its own. */
export function contentFreeText(text: string, contentFree: string): string {
  return `${headOf(text)}\nClaim: ${contentFree}\nA:`;
}

/** By group of prompts; contestants that are asked with other texts sit apart, but together. */
function sittingsOf(examination: Examination): Sitting[] {
  const { prompts, reference, contestants, scorings, contentFree } = examination;
  const free = scorings.includes('calibrated') ? contentFree : [];
  const plain = contestants.filter(({ textOf }) => textOf === undefined);
  const sittings = groupPrompts(prompts).flatMap((group) => {
    const asked = group.map((at) => prompts[at]!);
    const others = contestants.filter(({ textOf }) => textOf !== undefined);
    return [plain, ...others.map((one) => [one])]
      .filter((together) => together.length > 0)
      .map((together) => ({
        texts: withContentFree(
          asked.map((prompt) => textFor(together[0]!, prompt)),
          free,
        ),
        subjects: distinct([reference, ...together.map(({ subjectOf }) => subjectOf(asked[0]!))]),
      }));
  });
  if (!scorings.includes('pmi')) return sittings;
  const everyone = distinct(sittings.flatMap(({ subjects }) => subjects));
  return [{ texts: [''], subjects: everyone }, ...sittings];
}

function withContentFree(texts: readonly string[], contentFree: readonly string[]): string[] {
  const free = contentFree.map((words) => contentFreeText(texts[0]!, words));
  return [...new Set([...texts, ...free])];
}

function distinct(subjects: readonly Subject[]): Subject[] {
  return [...new Map(subjects.map((subject) => [subject.name, subject])).values()];
}

type Known = Pick<Reply, 'scores' | 'maxAbsLogitDelta'>;

/** Runs only what is not remembered; the reference runs along, since differences to it are wanted. */
async function likelihoodsOf(
  { reference, scorer, memo }: Examination,
  { texts, subjects }: Sitting,
  fresh: Run[],
): Promise<Known[][]> {
  const shelf = shelfOf<Known>(memo, `likelihood beside ${reference.digest}`);
  const known = subjects.map((subject) => texts.map((text) => shelf.recall(subject, text)));
  const lacking = texts.filter((_, at) => known.some((own) => own[at] === undefined));
  if (lacking.length === 0) return known as Known[][];
  const asked = subjects.filter(
    (subject, at) => subject.name === reference.name || known[at]!.includes(undefined),
  );
  const answers = await scorer.logLikelihoods(
    lacking,
    asked.map(({ name }) => name),
  );
  for (const [at, subject] of asked.entries()) {
    lacking.forEach((text, place) => {
      const { scores, maxAbsLogitDeltas } = answers[at]!;
      const value = { scores: scores[place]!, maxAbsLogitDelta: maxAbsLogitDeltas[place]! };
      fresh.push({ text, subject: subject.name });
      known[subjects.indexOf(subject)]![texts.indexOf(text)] = value;
      shelf.keep(subject, text, value);
    });
  }
  return known as Known[][];
}

type Written = NonNullable<Reply['generated']>;

async function generationsOf(
  { scorer, memo }: Examination,
  { texts, subjects }: Sitting,
  fresh: Run[],
): Promise<Written[][]> {
  const shelf = shelfOf<Written>(memo, 'generation');
  const all: Written[][] = [];
  for (const subject of subjects) {
    const known = texts.map((text) => shelf.recall(subject, text));
    const lacking = texts.filter((_, at) => known[at] === undefined);
    if (lacking.length > 0) {
      const answer = await scorer.generate(lacking, subject.name);
      lacking.forEach((text, place) => {
        const value = {
          text: answer.texts[place]!,
          firstLogitsDigest: answer.firstLogitsDigests[place]!,
        };
        fresh.push({ text, subject: subject.name });
        known[texts.indexOf(text)] = value;
        shelf.keep(subject, text, value);
      });
    }
    all.push(known as Written[]);
  }
  return all;
}

/** Records by subject and text. Each says whose it is, and is a miss under any other name. */
function shelfOf<T extends object>(memo: Remembrance, what: string) {
  const keyOf = ({ digest }: Subject, text: string) =>
    `${what} ${digest} ${createHash('sha256').update(text).digest('hex')}`;
  return {
    recall({ digest, ...subject }: Subject, text: string): T | undefined {
      const bytes = memo.get(keyOf({ digest, ...subject }, text));
      if (bytes === undefined) return undefined;
      const { of, ...value } = JSON.parse(Buffer.from(bytes).toString()) as T & { of: string };
      return of === digest ? (value as unknown as T) : undefined;
    },
    keep(subject: Subject, text: string, value: T): void {
      const record = { of: subject.digest, ...value };
      memo.set(keyOf(subject, text), Buffer.from(JSON.stringify(record)));
    },
  };
}
