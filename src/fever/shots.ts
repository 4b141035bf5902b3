/**
 * Which answered claims stand before a question. Knows pairs, labels and the fallback claims; not how
 * a prompt is written.
 *
 * The policy. A page's training pairs, each text once and none that bears two labels there, are
 * shuffled by seed and title into rounds: one of each label that is left, in an order drawn for every
 * round, so that the list is balanced from its start and no answer follows from the last. When the
 * page has no more pairs, fallback claims follow, always of the label that the list has least of. All
 * claims of a page so share one list, and k shots are its first k: prompts of a page, and of one claim
 * at several numbers of shots, begin alike. Only where a shot has the text of the claim that is asked
 * does the list's spare stand in its place.
 */
import { bareText } from './claim.ts';
import { fallbackShots, type Shot } from './fallback-claims.ts';
import { LABELS } from './label.ts';
import type { PageGroup } from './page-group.ts';
import { randomNamed, shuffled } from './random.ts';

export interface ShotList {
  /** One more than the largest number of shots: the last is the spare. */
  readonly shots: readonly Shot[];
  /** How many of them, from the start, are the page's own. */
  readonly own: number;
}

/** The shots of a page's questions: `count` and a spare. */
export function chooseShots(group: PageGroup, count: number, seed: number): ShotList {
  const random = randomNamed(`shots ${seed} ${group.page}`);
  const own = ownShots(group, random).slice(0, count + 1);
  const shots = fillUp(own, takeTurns(fallbackShots(), random), count + 1);
  return { shots, own: own.length };
}

/** All usable pairs of a page in the order that the policy gives them. */
export function ownShots({ pairs }: PageGroup, random: () => number): Shot[] {
  return takeTurns(distinctShots(pairs), random);
}

/** Each text once; a text that the page has under two labels teaches nothing and is left out. */
function distinctShots(pairs: readonly Shot[]): Shot[] {
  const byText = new Map<string, Shot | undefined>();
  for (const { claim, label } of pairs) {
    const text = bareText(claim);
    const earlier = byText.get(text);
    const isConflict = byText.has(text) && earlier?.label !== label;
    byText.set(text, isConflict ? undefined : (earlier ?? { claim, label }));
  }
  return [...byText.values()].filter((shot) => shot !== undefined);
}

/** Rounds of one shot for each label that is left; their order is drawn anew for every round. */
function takeTurns(shots: readonly Shot[], random: () => number): Shot[] {
  const mixed = shuffled(shots, random);
  const queues = LABELS.map((label) => mixed.filter((shot) => shot.label === label));
  const longest = Math.max(...queues.map((queue) => queue.length));
  const rounds = Array.from({ length: longest }, (_, round) =>
    shuffled(
      queues.flatMap((queue) => queue[round] ?? []),
      random,
    ),
  );
  return rounds.flat();
}

/**
 * `shots`, continued from `reserve` to `count`: each time the first of the label that the list has
 * least of. Fewer where the reserve runs out. No text twice.
 */
export function fillUp(shots: readonly Shot[], reserve: readonly Shot[], count: number): Shot[] {
  const list = shots.slice(0, count);
  const taken = new Set(list.map(({ claim }) => bareText(claim)));
  const left = reserve.filter(({ claim }) => !taken.has(bareText(claim)));
  while (list.length < count && left.length > 0) {
    const counts = left.map(({ label }) => list.filter((shot) => shot.label === label).length);
    list.push(...left.splice(counts.indexOf(Math.min(...counts)), 1));
  }
  return list;
}

/** The first `count` shots for this claim: never one with the claim's own text, whatever its id. */
export function shotsFor(claim: string, { shots }: ShotList, count: number): Shot[] {
  const text = bareText(claim);
  const spare = shots.at(-1)!;
  const others = shots.slice(0, -1);
  return others.slice(0, count).map((shot) => (bareText(shot.claim) === text ? spare : shot));
}
