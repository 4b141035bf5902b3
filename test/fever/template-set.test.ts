import { describe, expect, it } from 'vitest';
import { DataError } from '../../src/fever/data-error.ts';
import { FALLBACK_CLAIMS, fallbackShots } from '../../src/fever/fallback-claims.ts';
import type { Label } from '../../src/fever/label.ts';
import type { Pair } from '../../src/fever/page-group.ts';
import { claimsInPrompt, DEFAULT_FORMAT } from '../../src/fever/prompt.ts';
import { makeTemplates, type TemplateOptions } from '../../src/fever/template-set.ts';

function pair(claimId: number, claim: string, label: Label = 'SUPPORTS'): Pair {
  return { claimId, claim, label };
}

const pages = [
  { page: 'B_(x)', text: 'Bees hum. The hive is old.' },
  { page: 'A', text: 'Ants walk.' },
];
const dev = [
  { page: 'A', pairs: [pair(1, 'Ants run.', 'REFUTES')] },
  { page: 'B_(x)', pairs: [pair(2, 'Bees hum.'), pair(3, 'Bees sing.', 'REFUTES')] },
  { page: 'Gone', pairs: [pair(4, 'Never asked.')] },
];
const train = [
  { page: 'A', pairs: [pair(11, 'Ants walk.'), pair(12, 'Ants fly.', 'REFUTES')] },
  { page: 'B_(x)', pairs: [pair(13, 'bees SING', 'REFUTES'), pair(14, 'The hive is old.')] },
  { page: 'Gone', pairs: [pair(15, 'Never learnt.')] },
];
const options: TemplateOptions = {
  shots: [0, 2],
  exampleShots: 1,
  overlap: 'drop-example',
  claimsInPages: 'allow',
  documentTitle: 'line',
  format: DEFAULT_FORMAT,
  letters: ['abc'],
  shotSeeds: [0],
  seed: 7,
};
const make = (changes: Partial<TemplateOptions> = {}, devGroups = dev) =>
  makeTemplates({ pages, dev: devGroups, train }, { ...options, ...changes });

describe('makeTemplates', () => {
  it('asks every question of the pages that are left at every number of shots, in rank order', () => {
    const asked = make().prompts.map(({ page, claimId, shots, gold }) => [
      page,
      claimId,
      shots,
      gold,
    ]);
    expect(asked).toEqual([
      ['B_(x)', 2, 0, 'SUPPORTS'],
      ['B_(x)', 2, 2, 'SUPPORTS'],
      ['B_(x)', 3, 0, 'REFUTES'],
      ['B_(x)', 3, 2, 'REFUTES'],
      ['A', 1, 0, 'REFUTES'],
      ['A', 1, 2, 'REFUTES'],
    ]);
  });

  it('heads a document with its title, or not', () => {
    expect(make().documents[0]).toEqual({
      page: 'B_(x)',
      text: 'B (x)\nBees hum. The hive is old.',
    });
    expect(make({ documentTitle: 'none' }).documents).toEqual(pages);
  });

  it('leaves out the example that repeats an eval claim, on any page and as a shot too', () => {
    const { examples, stats } = make();
    expect(examples.map(({ claimId, answer }) => [claimId, answer])).toEqual([
      [14, ' (a)'],
      [11, ' (a)'],
      [12, ' (b)'],
    ]);
    expect(examples.flatMap(({ prompt }) => claimsInPrompt(prompt))).not.toContain('bees SING');
    const none = { exact: 0, normalised: 0, nearDuplicate: 0 };
    const one = { exact: 1, normalised: 1, nearDuplicate: 1 };
    expect(stats.leakage).toEqual({
      ...none,
      policy: 'drop-example',
      overlapping: 1,
      inDocuments: 1,
      questions: 3,
      byCandidate: { doc: one, temp: none, doctemp: one },
      shots: { asked: 0, other: 1 }, // “bees SING” before the other claim of its page
    });
  });

  it('asks with several choices of shots and orders of letters, without training otherwise', () => {
    const plain = make();
    const { prompts, examples } = make({ shotSeeds: [0, 1, 2], letters: ['abc', 'bca'] });
    expect(examples).toEqual(plain.examples);
    expect(prompts).toHaveLength(6 * plain.prompts.length);
    const first = prompts.filter(({ shotSeed, letters }) => shotSeed === 0 && letters === 'abc');
    expect(first).toEqual(plain.prompts);
    const own = prompts.filter(({ claimId, shots }) => claimId === 1 && shots === 2);
    expect(new Set(own.map(({ prompt }) => prompt)).size).toBeGreaterThan(2);
    expect(new Set(own.map(({ gold }) => gold))).toEqual(new Set(['REFUTES']));
  });

  it('keeps it where that is allowed by name, and counts it', () => {
    const { examples, stats } = make({ overlap: 'allow' });
    expect(examples.map(({ claimId }) => claimId)).toEqual([13, 14, 11, 12]);
    expect(stats.leakage).toMatchObject({ exact: 0, normalised: 1, overlapping: 1 });
  });

  it('fails where that is asked for, with counts and the way out', () => {
    const failing = () => make({ overlap: 'fail' });
    expect(failing).toThrow(DataError);
    expect(failing).toThrow(/^1 training questions have the text of an eval claim .*claims 13\)$/);
    expect(failing).toThrow(
      expect.objectContaining({
        where: { hint: expect.stringMatching(/"drop-example".*"allow"/) },
      }),
    );
  });

  it('refuses pages that hold an eval claim word for word, unless that is allowed by name', () => {
    const failing = () => make({ claimsInPages: 'fail' });
    expect(failing).toThrow(DataError);
    expect(failing).toThrow(/^1 eval claims stand word for word in the pages to be learnt$/);
  });

  it('leaves an eval claim out of the fallback shots of examples', () => {
    const fallbacks = Object.values(FALLBACK_CLAIMS).flat();
    const asked = fallbacks.slice(0, 20).map((claim, i) => pair(100 + i, claim));
    const { examples, stats } = make({ exampleShots: 4 }, [{ page: 'A', pairs: asked }]);
    expect(stats.leakage).toMatchObject({ exact: 0, normalised: 0 });
    const used = examples.flatMap(({ prompt }) => claimsInPrompt(prompt));
    expect(used.filter((claim) => fallbacks.includes(claim)).length).toBeGreaterThan(0);
  });

  it('never puts an example’s own claim before it', () => {
    for (const exampleShots of [0, 1, 3]) {
      for (const { prompt } of make({ exampleShots, overlap: 'allow' }).examples) {
        const claims = claimsInPrompt(prompt);
        expect(claims).toHaveLength(exampleShots + 1);
        expect(new Set(claims).size).toBe(claims.length);
      }
    }
  });

  it('does not put a fallback claim before a training claim of the same text', () => {
    const own = fallbackShots().slice(0, 9);
    const pairs = own.map(({ claim, label }, i) => pair(200 + i, claim, label));
    const input = { pages, dev: [], train: [{ page: 'A', pairs }] };
    const { examples } = makeTemplates(input, { ...options, exampleShots: 16 });
    for (const { prompt } of examples) {
      const claims = claimsInPrompt(prompt);
      expect(claims).toHaveLength(17);
      expect(new Set(claims).size).toBe(17);
    }
  });

  it('lets no wording of an eval claim reach what is learnt', () => {
    const reworded = dev.map(({ page, pairs }) => ({
      page,
      pairs: pairs.map((p) => (p.claimId === 1 ? { ...p, claim: 'Ants are running.' } : p)),
    }));
    const before = make();
    const after = make({}, reworded);
    expect(after.prompts).not.toEqual(before.prompts);
    expect(after.examples).toEqual(before.examples);
    expect(after.documents).toEqual(before.documents);
  });

  it('asks without training questions, from fallback claims alone', () => {
    const { prompts, examples, stats } = makeTemplates({ pages, dev, train: [] }, options);
    expect(prompts).toHaveLength(6);
    expect(examples).toEqual([]);
    expect(stats).toMatchObject({ pagesWithoutTraining: 2, shotsFromFallback: 4 });
  });

  it('counts what it made', () => {
    expect(make().stats).toMatchObject({
      prompts: 6,
      examples: 3,
      documents: 2,
      questions: 3,
      labels: { SUPPORTS: 1, REFUTES: 2, 'NOT ENOUGH INFO': 0 },
      exampleLabels: { SUPPORTS: 2, REFUTES: 1, 'NOT ENOUGH INFO': 0 },
      // The claim "Bees sing." is itself among the two shots of its page.
      questionsWithSpare: 1,
      shotsFromFallback: 0,
    });
  });
});
