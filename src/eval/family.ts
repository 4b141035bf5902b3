/**
 * Which comparisons are made, and which of them are corrected together: fixed here, and not chosen
 * after the numbers. Knows candidates by kind, no layout.
 */
import type { Cell, CellName } from './cell.ts';
import { type Contrast, type ContrastOptions, contrastOf, type Pairing } from './contrast.ts';
import { PRETRAINED } from './examine.ts';
import type { CandidateKind } from './row.ts';
import { CLAIM_ONLY, type Scoring } from './scoring.ts';
import { holmAdjusted } from './significance.ts';

export const FAMILIES = {
  byShots: 'memories against pretrained',
  memories: 'memories against pretrained, all shots',
  controls: 'controls against pretrained, all shots',
  knowledge: 'memories against controls, all shots',
  mutual: 'memories against each other, all shots',
  fewShot: 'few shots against none',
} as const;

export type FamilyName = (typeof FAMILIES)[keyof typeof FAMILIES];

export interface Comparison extends Contrast, Omit<CellName, 'shots'> {
  readonly family: FamilyName;
  readonly against: string;
  /** Null: all numbers of shots together. */
  readonly shots: number | null;
  /** `p` after Holm's correction over the family. */
  readonly pHolm: number;
  readonly pMcNemarHolm: number | null;
}

export interface Family {
  readonly name: FamilyName;
  readonly model: string;
  readonly scoring: string;
  readonly tests: number;
}

type Uncorrected = Omit<Comparison, 'pHolm' | 'pMcNemarHolm'>;

/** All comparisons of one model, family by family within each scoring. */
export function comparisonsOf(
  cells: readonly Cell[],
  kinds: ReadonlyMap<string, CandidateKind>,
  options: ContrastOptions,
): Comparison[] {
  const scorings = [...new Set(cells.map(({ scoring }) => scoring))];
  return scorings
    .filter((scoring) => scoring !== CLAIM_ONLY)
    .flatMap((scoring) => {
      const field = new Field(cells, { scoring, kinds, options });
      return Object.values(FAMILIES).flatMap((family) => corrected(field.compare(family)));
    });
}

export function familiesOf(comparisons: readonly Comparison[]): Family[] {
  const families = new Map<string, Family>();
  for (const { family: name, model, scoring } of comparisons) {
    const key = JSON.stringify([name, model, scoring]);
    const tests = (families.get(key)?.tests ?? 0) + 1;
    families.set(key, { name, model, scoring, tests });
  }
  return [...families.values()];
}

/** The cells of one scoring, found by name. */
class Field {
  readonly #own: readonly Cell[];
  readonly #baselines: readonly Cell[];
  readonly #scoring: Scoring;
  readonly #kinds: ReadonlyMap<string, CandidateKind>;
  readonly #options: ContrastOptions;

  constructor(
    cells: readonly Cell[],
    given: {
      scoring: Scoring;
      kinds: ReadonlyMap<string, CandidateKind>;
      options: ContrastOptions;
    },
  ) {
    this.#own = cells.filter(({ scoring }) => scoring === given.scoring);
    this.#baselines = cells.filter(({ scoring }) => scoring === CLAIM_ONLY);
    this.#scoring = given.scoring;
    this.#kinds = given.kinds;
    this.#options = given.options;
  }

  compare(family: FamilyName): Uncorrected[] {
    const letters = [...new Set(this.#own.map((cell) => cell.letters))];
    return letters.flatMap((order) => {
      switch (family) {
        case FAMILIES.byShots:
          return this.#eachShots(order);
        case FAMILIES.fewShot:
          return this.#fewShots(order);
        default:
          return this.#pairsOf(family).flatMap(([candidate, against]) => {
            return this.#allShots(family, { candidate, against, letters: order });
          });
      }
    });
  }

  #named(kind: CandidateKind): string[] {
    const names = new Set(this.#own.map(({ candidate }) => candidate));
    return [...names].filter((name) => this.#kinds.get(name) === kind);
  }

  /** Pairs of candidates that a family compares over all numbers of shots. */
  #pairsOf(family: FamilyName): (readonly [string, string])[] {
    const [memories, controls] = [this.#named('memory'), this.#named('control')];
    if (family === FAMILIES.memories) return memories.map((name) => [name, PRETRAINED] as const);
    if (family === FAMILIES.controls) {
      const all = [...controls, ...this.#baselineNames()];
      return all.map((name) => [name, PRETRAINED] as const);
    }
    if (family === FAMILIES.mutual) {
      return memories.flatMap((one, at) =>
        memories.slice(0, at).map((other) => [one, other] as const),
      );
    }
    return memories.flatMap((name) =>
      this.#controlsOf(name, controls).map((control) => [name, control] as const),
    );
  }

  /** A memory's own control, and those that stand against every memory. */
  #controlsOf(memory: string, controls: readonly string[]): string[] {
    const own = ownControl(memory);
    const shared = controls.filter((name) => name === own || SHARED_CONTROLS.includes(name));
    return [...shared, ...this.#baselineNames().filter((name) => name === 'naive-bayes')];
  }

  #baselineNames(): string[] {
    return [...new Set(this.#baselines.map(({ candidate }) => candidate))];
  }

  #eachShots(letters: string): Uncorrected[] {
    const memories = this.#named('memory');
    return this.#own
      .filter((cell) => cell.letters === letters && memories.includes(cell.candidate))
      .flatMap((own) => {
        const other = this.#find({ ...own, candidate: PRETRAINED });
        const named = { family: FAMILIES.byShots, against: PRETRAINED, shots: own.shots };
        return other === undefined ? [] : [this.#entry(named, [{ own, other }])];
      });
  }

  #fewShots(letters: string): Uncorrected[] {
    const own = this.#cellsOf(PRETRAINED, letters);
    const none = own.find(({ shots }) => shots === 0);
    const few = own.filter(({ shots }) => shots > 0);
    if (none === undefined || few.length === 0) return [];
    const named = { family: FAMILIES.fewShot, against: `${PRETRAINED}, 0 shots` };
    const pairs = few.map((cell) => ({ own: cell, other: none }));
    return [
      ...pairs.map((pair) => this.#entry({ ...named, shots: pair.own.shots }, [pair])),
      this.#entry({ ...named, shots: null }, pairs),
    ];
  }

  #allShots(
    family: FamilyName,
    { candidate, against, letters }: { candidate: string; against: string; letters: string },
  ): Uncorrected[] {
    const baseline = (name: string) => this.#baselines.find((cell) => cell.candidate === name);
    const opponents = this.#cellsOf(against, letters);
    const pairs = (opponents.length > 0 ? opponents : this.#cellsOf(candidate, letters)).flatMap(
      ({ shots }) => {
        const find = (name: string) =>
          this.#cellsOf(name, letters).find((cell) => cell.shots === shots) ?? baseline(name);
        const [own, other] = [find(candidate), find(against)];
        return own === undefined || other === undefined ? [] : [{ own, other }];
      },
    );
    if (pairs.length === 0) return [];
    return [this.#entry({ family, against, shots: null, letters }, pairs)];
  }

  #entry(
    named: { family: FamilyName; against: string; shots: number | null; letters?: string },
    pairs: Pairing,
  ): Uncorrected {
    const { family, against, shots } = named;
    const { model, candidate, letters } = pairs[0]!.own;
    const scoring = this.#scoring;
    const contrast = contrastOf(pairs, this.#options);
    return {
      family,
      model,
      candidate,
      against,
      shots,
      letters: named.letters ?? letters,
      scoring,
      ...contrast,
    };
  }

  #cellsOf(candidate: string, letters: string): Cell[] {
    return this.#own.filter((cell) => cell.candidate === candidate && cell.letters === letters);
  }

  #find({ candidate, letters, shots }: CellName): Cell | undefined {
    return this.#cellsOf(candidate, letters).find((cell) => cell.shots === shots);
  }
}

/** Controls that every memory must beat, whatever it was trained on. */
const SHARED_CONTROLS: readonly string[] = ['random', 'gold-page'];

/** The control that a memory is told from knowledge by: the same training on other pages' texts. */
export function ownControl(memory: string): string {
  const parts = memory.split(',');
  const learnt = parts.find((part) => part in OTHER_PAGES) as keyof typeof OTHER_PAGES | undefined;
  if (learnt === undefined) return `${memory}-other-pages`;
  return parts.map((part) => (part === learnt ? OTHER_PAGES[learnt] : part)).join(',');
}

const OTHER_PAGES = {
  doc: 'doc-wrong-pages',
  temp: 'temp-other-pages',
  doctemp: 'doctemp-other-pages',
} as const;

/** Holm's correction; all that is given is one family. */
function corrected(comparisons: readonly Uncorrected[]): Comparison[] {
  const own = holmAdjusted(comparisons.map(({ p }) => p));
  const every = comparisons.map(({ pMcNemar }) => pMcNemar);
  const known = every.filter((p) => p !== null);
  const mcnemar = known.length === every.length ? holmAdjusted(known) : undefined;
  return comparisons.map((item, at) => ({
    ...item,
    pHolm: own[at]!,
    pMcNemarHolm: mcnemar?.[at] ?? null,
  }));
}
