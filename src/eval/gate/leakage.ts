/**
 * The leakage gate: no claim that is asked may stand in an example that a memory was trained on.
 * Looks at the finished texts, whatever `templates` meant to write.
 */
import { bareText } from '../../fever/claim.ts';
import { claimsInPrompt } from '../../fever/prompt.ts';
import type { Prompt, TrainingExample } from '../prompt.ts';
import { GateError, type GateRecord, shown } from './gate.ts';

export function leakageGate(
  prompts: readonly Prompt[],
  examples: readonly TrainingExample[],
  policy: 'fail' | 'allow',
): GateRecord {
  const learnt = new Set<string>();
  for (const { prompt } of examples) {
    for (const claim of claimsInPrompt(prompt)) learnt.add(bareText(claim));
  }
  const asked = new Map(prompts.map(({ claimId, claim }) => [claimId, claim]));
  const leaked = [...asked.values()].filter((claim) => learnt.has(bareText(claim)));
  if (policy === 'fail' && leaked.length > 0) {
    throw new GateError(
      'leakage gate',
      `${leaked.length} of ${asked.size} eval claims stand in the training examples: ${shown(leaked)}`,
      'give templates overlap: drop-example; or set overlap: allow here too, to measure memorising',
    );
  }
  const what =
    leaked.length === 0
      ? 'eval claims, none of them in a training example'
      : `eval claims, ${leaked.length} of them in training examples, which is allowed by name`;
  return { name: 'leakage gate', checked: asked.size, what };
}
