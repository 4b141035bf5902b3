/**
 * Claims that stand in as few-shot examples where a page has too few of its own. They are this
 * project's own, and about nothing that a page tells: facts that do not change, their opposites, and
 * sentences about unnamed things that no source can settle. Each label was checked by hand; none may
 * be moved between the lists by position, as befell the note's.
 */
import { LABELS, type Label } from './label.ts';

/** A claim with its answer, as it stands in a prompt before the claim that is asked. */
export interface Shot {
  readonly claim: string;
  readonly label: Label;
}

export const FALLBACK_CLAIMS: Readonly<Record<Label, readonly string[]>> = {
  SUPPORTS: [
    'A triangle has three sides.',
    'Ice floats on liquid water.',
    'The sum of two even numbers is even.',
    'A leap year has 366 days.',
    'Copper conducts electricity.',
    'The Moon travels around the Earth.',
    'Spiders have eight legs.',
    'Sound cannot travel through a vacuum.',
  ],
  REFUTES: [
    'A square has five corners.',
    'A week has eight days.',
    'Nine is a prime number.',
    'Lead is lighter than water.',
    'Whales breathe through gills.',
    'The Sun travels around the Moon.',
    'Glass is a metal.',
    'An hour is shorter than a minute.',
  ],
  'NOT ENOUGH INFO': [
    'The blue door at the end of the lane was painted on a Tuesday.',
    'The second daughter of the ferryman plays the cello.',
    'The oldest oak in the valley has more leaves this year than last.',
    'The letter under the floorboards was written in haste.',
    'The baker of the upper village prefers pears to plums.',
    'The last guest to leave the inn had forgotten an umbrella.',
    'The brown horse by the fence is older than the grey one.',
    'The clockmaker sold more clocks in spring than in autumn.',
  ],
};

/** All of them, the labels taking turns, so that any stretch of the list is balanced. */
export function fallbackShots(): Shot[] {
  const rows = FALLBACK_CLAIMS.SUPPORTS.keys();
  return [...rows].flatMap((row) =>
    LABELS.flatMap((label) => {
      const claim = FALLBACK_CLAIMS[label][row];
      return claim === undefined ? [] : [{ claim, label }];
    }),
  );
}
