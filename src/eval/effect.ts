/**
 * How far each contestant's logits are from the model's as it came. Knows replies only; whether an
 * effect is wanted is for the gate.
 */
import { type Contestant, type Outcome, PRETRAINED, type Subject, textFor } from './examine.ts';
import type { Prompt } from './prompt.ts';

export interface Effect {
  readonly candidate: string;
  readonly seed: number | null;
  /** Largest |difference| of a logit, by number of shots. */
  readonly byShots: ReadonlyMap<number, number>;
  /** Whether some generated text began by other logits; undefined where nothing was generated. */
  readonly generatesOtherwise: boolean | undefined;
}

/** Of every contestant that is asked with the reference's own texts, but the reference. */
export function effectsOf(
  contestants: readonly Contestant[],
  prompts: readonly Prompt[],
  { outcome, reference }: { outcome: Outcome; reference: Subject },
): Effect[] {
  return contestants
    .filter(({ candidate, textOf }) => candidate !== PRETRAINED && textOf === undefined)
    .map((contestant) => effectOf(contestant, prompts, { outcome, reference }));
}

function effectOf(
  contestant: Contestant,
  prompts: readonly Prompt[],
  { outcome: { replies }, reference }: { outcome: Outcome; reference: Subject },
): Effect {
  const { candidate, seed } = contestant;
  const byShots = new Map<number, number>();
  let generatesOtherwise: boolean | undefined;
  for (const prompt of prompts) {
    const text = textFor(contestant, prompt);
    const own = replies.get(contestant.subjectOf(prompt).name)!.get(text)!;
    const delta = Math.max(byShots.get(prompt.shots) ?? 0, own.maxAbsLogitDelta);
    byShots.set(prompt.shots, delta);
    if (own.generated === undefined) continue;
    const other = replies.get(reference.name)!.get(text)!.generated!;
    generatesOtherwise ||= own.generated.firstLogitsDigest !== other.firstLogitsDigest;
  }
  return { candidate, seed, byShots, generatesOtherwise };
}

export function largest({ byShots }: Effect): number {
  return Math.max(...byShots.values());
}

/** Over several seeds' effects at one number of shots; undefined without any. */
export function largestAt(effects: readonly Effect[], shots: number): number | undefined {
  const found = effects.flatMap(({ byShots }) => byShots.get(shots) ?? []);
  return found.length === 0 ? undefined : Math.max(...found);
}
