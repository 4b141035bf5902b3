/**
 * Which answered claims stand before a question. Knows pairs, labels and the fallback claims; not how
 * a prompt is written.
 *
 * The policy. A page's training pairs, each text once and none that bears two labels there, are
 * shuffled by seed and title; the labels then take turns, beginning with one that is drawn for the
 * page. When the page has no more pairs, fallback claims follow, always of the label that the list has
 * least of. All claims of a page so share one list, and k shots are its first k: prompts of a page,
 * and of one claim at several numbers of shots, begin alike. Only where a shot has the text of the
 * claim that is asked does the list's spare stand in its place.
 */
import { comparableText } from './claim.ts';
import { fallbackShots, type Shot } from './fallback-claims.ts';
import { LABELS, type Label } from './label.ts';
import type { PageGroup } from './page-group.ts';
import { randomNamed, rotated, shuffled } from './random.ts';

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
  const shots = fillUp(own, shuffledRounds(fallbackShots(), random), count + 1);
  return { shots, own: own.length };
}

/** All usable pairs of a page in the order that the policy gives them. */
export function ownShots({ pairs }: PageGroup, random: () => number): Shot[] {
  const start = Math.floor(random() * LABELS.length);
  return takeTurns(shuffled(distinctShots(pairs), random), rotated(LABELS, start));
}

/** Each text once; a text that the page has under two labels teaches nothing and is left out. */
function distinctShots(pairs: readonly Shot[]): Shot[] {
  const byText = new Map<string, Shot | undefined>();
  for (const { claim, label } of pairs) {
    const text = comparableText(claim);
    const earlier = byText.get(text);
    const isConflict = byText.has(text) && earlier?.label !== label;
    byText.set(text, isConflict ? undefined : (earlier ?? { claim, label }));
  }
  return [...byText.values()].filter((shot) => shot !== undefined);
}

function takeTurns(shots: readonly Shot[], order: readonly Label[]): Shot[] {
  const queues = order.map((label) => shots.filter((shot) => shot.label === label));
  const longest = Math.max(0, ...queues.map((queue) => queue.length));
  const rounds = Array.from({ length: longest }, (_, i) =>
    queues.flatMap((queue) => queue[i] ?? []),
  );
  return rounds.flat();
}

function shuffledRounds(shots: readonly Shot[], random: () => number): Shot[] {
  return takeTurns(shuffled(shots, random), shuffled(LABELS, random));
}

/**
 * `shots`, continued from `reserve` to `count`: each time the first of the label that the list has
 * least of. Fewer where the reserve runs out. No text twice.
 */
export function fillUp(shots: readonly Shot[], reserve: readonly Shot[], count: number): Shot[] {
  const list = shots.slice(0, count);
  const taken = new Set(list.map(({ claim }) => comparableText(claim)));
  const left = reserve.filter(({ claim }) => !taken.has(comparableText(claim)));
  while (list.length < count && left.length > 0) {
    const counts = left.map(({ label }) => list.filter((shot) => shot.label === label).length);
    list.push(...left.splice(counts.indexOf(Math.min(...counts)), 1));
  }
  return list;
}

/** The first `count` shots for this claim: never one with the claim's own text, whatever its id. */
export function shotsFor(claim: string, { shots }: ShotList, count: number): Shot[] {
  const text = comparableText(claim);
  const spare = shots.at(-1)!;
  const others = shots.slice(0, -1);
  return others.slice(0, count).map((shot) => (comparableText(shot.claim) === text ? spare : shot));
}
