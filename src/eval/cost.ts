/** How much of an evaluation was run now, and not remembered. Knows texts; no time. */
import { type Contestant, type Outcome, textFor } from './examine.ts';
import type { Prompt } from './prompt.ts';

export interface Cost {
  readonly claims: number;
  /** Claims of which some prompt was run for some candidate. */
  readonly rescored: number;
  /** One text through the model of one candidate; its answers' tokens run in the same pass. */
  readonly forwardPasses: number;
}

export function costOf(
  contestants: readonly Contestant[],
  prompts: readonly Prompt[],
  { fresh }: Outcome,
): Cost {
  const texts = new Set(fresh.map(({ text }) => text));
  const asked = contestants.filter(({ textOf }, at) => at === 0 || textOf !== undefined);
  const again = prompts.filter((prompt) => asked.some((one) => texts.has(textFor(one, prompt))));
  return {
    claims: new Set(prompts.map(({ claimId }) => claimId)).size,
    rescored: new Set(again.map(({ claimId }) => claimId)).size,
    forwardPasses: fresh.length,
  };
}
