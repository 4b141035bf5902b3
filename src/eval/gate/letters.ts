/**
 * The letter gate: the candidate line and the shots of every prompt must give each label the letter
 * that the answers are read by, and the training examples must end in theirs. The note had the claims
 * of two labels swapped, which nobody saw.
 */
import { bareText } from '../../fever/claim.ts';
import { FALLBACK_CLAIMS } from '../../fever/fallback-claims.ts';
import { LABEL_TABLE, LABELS, type Label } from '../../fever/label.ts';
import { labelOf } from '../judge.ts';
import type { Prompt, TrainingExample } from '../prompt.ts';
import { GateError, type GateRecord } from './gate.ts';
import { answeredShots } from './shots.ts';

export function letterGate(
  prompts: readonly Prompt[],
  examples: readonly TrainingExample[],
): GateRecord {
  const labels = knownLabels(examples);
  let checked = 0;
  for (const prompt of prompts) {
    checkCandidateLine(prompt);
    for (const { claim, letter } of answeredShots(prompt.prompt)) {
      const known = labels.get(bareText(claim));
      if (known === undefined || known === 'several') continue;
      checked += 1;
      if (labelOf(letter, prompt.letters) !== known) refuse(claim, letter, known);
    }
  }
  for (const { claim, label, answer, prompt } of examples) {
    const letter = /^\s*\(([a-z])\)$/u.exec(answer)?.[1] ?? answer;
    if (letter !== lettersOf(prompt)?.[LABELS.indexOf(label)]) refuse(claim, letter, label);
  }
  return { name: 'letter gate', checked, what: 'shots whose label is known' };
}

/** The label that each claim has in training or among the fallback claims. */
function knownLabels(examples: readonly TrainingExample[]): Map<string, Label | 'several'> {
  const labels = new Map<string, Label | 'several'>();
  const note = (claim: string, label: Label) => {
    const text = bareText(claim);
    const before = labels.get(text) ?? label;
    labels.set(text, before === label ? label : 'several');
  };
  for (const label of LABELS) for (const claim of FALLBACK_CLAIMS[label]) note(claim, label);
  for (const { claim, label } of examples) note(claim, label);
  return labels;
}

/** The labels' letters by the prompt's own candidate line, read from its words. */
function lettersOf(prompt: string): string | undefined {
  const line = prompt.split('\n').find((text) => text.startsWith('Answer candidates: '));
  if (line === undefined) return undefined;
  const letters = LABEL_TABLE.map(({ words }) => {
    const place = line.indexOf(`) ${words}`);
    return place > 0 ? line[place - 1] : '?';
  });
  return letters.join('');
}

function checkCandidateLine({ claimId, letters, prompt }: Prompt): void {
  const found = lettersOf(prompt);
  if (found === letters) return;
  throw new GateError(
    'letter gate',
    `the candidate line of the prompt of claim ${claimId} gives the labels the letters ` +
      `${found ?? 'none'}, and its answers are read by ${letters}`,
    'one table, src/fever/label.ts, pairs letters and labels: see who wrote this prompt',
  );
}

function refuse(claim: string, letter: string, label: Label): never {
  throw new GateError(
    'letter gate',
    `the claim ${JSON.stringify(claim)} is answered (${letter}), and its label is ${label}`,
    'one table, src/fever/label.ts, pairs letters and labels: see who wrote this answer',
  );
}
