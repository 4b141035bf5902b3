/** Our prompts against those of EleutherAI's harness, byte for byte, under the same settings. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { letterGate } from '../../src/eval/gate/letters.ts';
import { answeredShots } from '../../src/eval/gate/shots.ts';
import { LABELS } from '../../src/fever/label.ts';
import { type PromptFormat, writePrompt } from '../../src/fever/prompt.ts';

interface Case {
  setting: PromptFormat;
  shots: number;
  claim: string;
  context: string;
  continuations: string[];
  unconditional: [string, string][];
}

const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/harness-prompts.json', import.meta.url), 'utf8'),
) as { shots: { claim: string; label: number }[]; cases: Case[] };

const SHOTS = fixture.shots.map(({ claim, label }) => ({ claim, label: LABELS[label]! }));

describe('the harness asks', () => {
  test.each(fixture.cases.map((item, at) => [at, item] as const))('case %i as we do', (_, item) => {
    const { setting, claim } = item;
    const shots = SHOTS.slice(0, item.shots);
    const prompt = writePrompt({ ...setting, shots, claim });
    expect(prompt).toBe(item.context);
    // `eval`'s answers are the target delimiter and the letters in their own order.
    const answers = ['a', 'b', 'c'].map((letter) => `${setting.targetDelimiter}(${letter})`);
    expect(item.continuations).toEqual(answers);
    expect(item.unconditional).toEqual(answers.map((answer) => ['', answer]));
    // And our gates read the prompt back, whatever its delimiters.
    if (setting.fewshotDelimiter.includes('\n')) {
      expect(answeredShots(prompt)).toHaveLength(item.shots);
      const asked = { claimId: 1, page: 'p', claim, gold: LABELS[0]!, shots: item.shots };
      letterGate([{ ...asked, shotSeed: 0, letters: setting.letters, prompt }], []);
    }
  });
});
