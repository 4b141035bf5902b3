/**
 * Who is asked: the model as it came, every trained memory, and the controls. Knows names, seeds and
 * digests; what a memory is, no more than how to tell it apart.
 */
import assert from 'node:assert';
import { type Contestant, PRETRAINED, type Subject } from './examine.ts';
import { ownControl } from './family.ts';
import type { Prompt } from './prompt.ts';
import type { CandidateKind } from './row.ts';

/** Controls that need no training. */
export const CONTROLS = ['random', 'gate-0', 'gold-page'] as const;
export type Control = (typeof CONTROLS)[number];

/** An artifact with a trained memory, and the cell of the training that made it. */
export interface MemoryFile {
  readonly path: string;
  readonly digest: string;
  readonly cell: Readonly<Record<string, string>>;
}

export interface LineupInput {
  /** Names the model, the backend and how it is asked. */
  readonly base: string;
  readonly memories: readonly MemoryFile[];
  /** Memories of the pages outside a fold; the axis `fold` says which. */
  readonly otherPages: readonly MemoryFile[];
  /** By page, the fold whose questions it belongs to. */
  readonly folds: ReadonlyMap<string, string>;
  readonly controls: readonly Control[];
  /** The seed of the controls that are drawn. */
  readonly seed: number;
  /** The page before a prompt, for `gold-page`. */
  readonly withPage?: (prompt: Prompt) => string;
}

export interface Entrant extends Contestant {
  readonly kind: Exclude<CandidateKind, 'baseline'>;
  /** Its memories' artifacts: none, one, or one a fold. */
  readonly files: readonly (MemoryFile & { readonly subject: string })[];
}

export interface Lineup {
  readonly reference: Subject;
  readonly entrants: readonly Entrant[];
}

export function lineupOf(input: LineupInput): Lineup {
  const reference = { name: PRETRAINED, digest: input.base };
  const entrants: Entrant[] = [
    {
      candidate: PRETRAINED,
      kind: 'base',
      seed: null,
      subjectOf: () => reference,
      files: [],
    },
    ...input.memories.map((file) => trained(file, input)),
    ...foldedEntrants(input),
    ...input.controls.map((name) => control(name, reference, input)),
  ];
  return { reference, entrants };
}

function trained(file: MemoryFile, { base }: LineupInput): Entrant {
  const { candidate, seed } = namesOf(file);
  const subject = { name: subjectName(candidate, file), digest: `${base} ${file.digest}` };
  return {
    candidate,
    kind: 'memory',
    seed,
    subjectOf: () => subject,
    files: [{ ...file, subject: subject.name }],
  };
}

/** `doc`, or `lora,doc` where the memories differ on another axis too; the seed is no part of it. */
function namesOf({ cell }: MemoryFile): { candidate: string; seed: number } {
  const labels = Object.entries(cell).filter(([axis]) => !['model', 'seed', 'fold'].includes(axis));
  const candidate = labels.map(([, label]) => label).join(',');
  return { candidate, seed: Number(cell.seed ?? 0) };
}

function subjectName(candidate: string, { cell: { seed, fold } }: MemoryFile): string {
  const parts = [
    candidate,
    ...(seed === undefined ? [] : [`seed ${seed}`]),
    ...(fold === undefined ? [] : [`without fold ${fold}`]),
  ];
  return parts.join(', ');
}

/** One entrant a candidate and seed: a page is answered by the memory that never saw its texts. */
function foldedEntrants({ otherPages, folds, base }: LineupInput): Entrant[] {
  const groups = new Map<string, MemoryFile[]>();
  for (const file of otherPages) {
    const name = JSON.stringify(namesOf(file));
    groups.set(name, [...(groups.get(name) ?? []), file]);
  }
  return [...groups.values()].map((files) => {
    const { candidate: learnt, seed } = namesOf(files[0]!);
    const candidate = ownControl(learnt);
    const bySubject = files.map((file) => ({ ...file, subject: subjectName(candidate, file) }));
    const subjectOf = ({ page }: Prompt) => {
      const file = bySubject.find(({ cell }) => cell.fold === folds.get(page));
      if (file === undefined) throw new RangeError(`no memory was trained without ${page}`);
      return { name: file.subject, digest: `${base} ${file.digest}` };
    };
    return { candidate, kind: 'control', seed, subjectOf, files: bySubject };
  });
}

function control(candidate: Control, reference: Subject, input: LineupInput): Entrant {
  if (candidate === 'gold-page') {
    assert(input.withPage, 'gold-page is asked with the page');
    const { withPage: textOf } = input;
    return {
      candidate,
      kind: 'control',
      seed: null,
      subjectOf: () => reference,
      textOf,
      files: [],
    };
  }
  const subject = { name: candidate, digest: `${input.base} ${candidate} ${input.seed}` };
  return { candidate, kind: 'control', seed: input.seed, subjectOf: () => subject, files: [] };
}
