import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { QuestionAnswer } from '../../src/eval/report/questions.ts';
import report from '../../stages/report.ts';
import { runStage } from '../stages-eval/stage-run.ts';
import { DEFAULT, type Made, makeInputs } from './results.ts';

let folder: string;
let plain: Awaited<ReturnType<typeof write>>;
let two: typeof plain;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'report-'));
  plain = await write('plain');
  two = await write('two', { ...DEFAULT, models: ['pythia-70m', 'pythia-1.4b'] });
});
afterAll(() => rmSync(folder, { recursive: true }));

async function write(name: string, made: Made = DEFAULT) {
  const { outputs, notes } = await runStage(report, {
    folder: join(folder, name, 'out'),
    params: {},
    inputs: makeInputs(join(folder, name), made),
  });
  const read = (output: string) => readFileSync(outputs[output]!, 'utf8');
  return {
    results: JSON.parse(read('results')),
    markdown: read('markdown'),
    html: read('html'),
    notes,
  };
}

function withRates(rates: Made['rates']): Made {
  return { ...DEFAULT, rates };
}

describe('the four questions', () => {
  test('are answered by intervals: large differences yes, small ones not shown', async () => {
    const { results, notes } = plain;
    const verdicts = (results.questions as QuestionAnswer[]).map(({ number, verdict }) => [
      number,
      verdict,
    ]);
    expect(verdicts).toEqual([
      [1, 'yes'],
      [2, 'yes'],
      [3, 'yes'],
      [4, 'yes'],
    ]);
    expect(notes.join('\n')).toContain('eval claims in training examples: 0, in pages learnt: 2');
  });

  test('a worse memory is no, equal candidates are not shown', async () => {
    const same = { rate: 0.5, perShot: 0 };
    const made = withRates({
      pretrained: same,
      doc: { rate: 0.3, perShot: 0 },
      temp: same,
      doctemp: same,
    });
    const few = { ...made, pages: DEFAULT.pages.slice(0, 6) };
    const { results } = await write('worse', few);
    const verdicts = (results.questions as QuestionAnswer[]).map(({ verdict }) => verdict);
    expect(verdicts[1]).toBe('no');
    expect(verdicts[3]).toBe('not shown');
  });

  test('those whose candidates were not run are left out', async () => {
    const { pretrained, doc } = DEFAULT.rates;
    const { results } = await write('some', withRates({ pretrained: pretrained!, doc: doc! }));
    expect((results.questions as QuestionAnswer[]).map(({ number }) => number)).toEqual([1, 2]);
  });

  test('the differences are those of the predictions', async () => {
    const { results } = plain;
    const temp = (results.questions as QuestionAnswer[])[2]!;
    const mean = (candidate: string) => {
      const own = results.rows.filter((row: { candidate: string }) => row.candidate === candidate);
      return (
        own.reduce((sum: number, row: { accuracy: number }) => sum + row.accuracy, 0) / own.length
      );
    };
    expect(temp.pooled[0]!.accuracy).toBeCloseTo(mean('temp'), 12);
    expect(temp.pooled[0]!.difference).toBeCloseTo(mean('temp') - mean('pretrained'), 12);
    expect(temp.comparisons).toHaveLength(6);
  });
});

describe('results.json', () => {
  test('has the rows of every model', async () => {
    const { results } = two;
    expect(results.rows).toHaveLength(2 * 4 * 6);
    expect(Object.keys(results.rows[0])).toEqual(
      expect.arrayContaining([
        'model',
        'candidate',
        'shots',
        'scoring',
        'n',
        'accuracy',
        'f1Micro',
        'f1MicroReal',
        'f1MacroUnion',
        'f1MacroFixed3',
        'f1MacroSupport',
        'invalidRate',
        'maxAbsLogitDelta',
        'changedPredictions',
      ]),
    );
    expect(results.leakage).toEqual({ exact: 0, normalised: 0, inDocuments: 2 });
    expect(results.confusion).toHaveLength(2 * 4 * 6);
  });
});

describe('results.md', () => {
  test("has the note's tables: a row a model, a column a number of shots, and the full results", async () => {
    const { markdown } = two;
    for (const candidate of Object.keys(DEFAULT.rates))
      expect(markdown).toContain(`**${candidate} (likelihood)**`);
    expect(markdown).toContain('| model | 0-shot | 1-shot | 2-shot | 3-shot | 4-shot | 5-shot |');
    expect(markdown).toMatch(/^\| pythia-70m \| \d\.\d{3} \(\d\.\d{3}–\d\.\d{3}\) \|/m);
    expect(markdown).toContain(
      '| model | size | candidate | shots | accuracy | f1.micro | f1.macro |',
    );
    expect(markdown).toMatch(/^\| pythia-1\.4b \| 1\.4b \| doctemp \| 5 \| 0\./m);
  });

  test('every table has as many cells in each row as in its head', async () => {
    const { markdown } = plain;
    const width = (line: string) => line.replaceAll('\\|', '').split('|').length;
    let head: number | undefined;
    for (const line of markdown.split('\n')) {
      if (!line.startsWith('|')) head = undefined;
      else {
        head ??= width(line);
        expect(width(line), line).toBe(head);
      }
    }
  });
});

describe('results.html', () => {
  test('asks nothing of the network and runs no script', async () => {
    const { html } = plain;
    expect(html).not.toMatch(/\b(?:src|href|action|data|poster)\s*=/i);
    expect(html).not.toMatch(/https?:|url\(|@import|<script|<link|<iframe|\son\w+=/i);
  });

  test('is well-formed: every element is closed where it was opened', async () => {
    const { html } = plain;
    const open: string[] = [];
    const isVoid = new Set(['meta', '!doctype', 'br']);
    const body = html.replace(/<style>[\s\S]*?<\/style>/, '');
    for (const [, close, name, selfClosed] of body.matchAll(
      /<(\/?)([a-z!][a-z0-9]*)[^<>]*?(\/?)>/gi,
    )) {
      if (close) expect(open.pop(), `</${name}>`).toBe(name);
      else if (!selfClosed && !isVoid.has(name!)) open.push(name!);
    }
    expect(open).toEqual([]);
    expect(body.replace(/<[^<>]*>/g, '')).not.toMatch(/[<>]/);
  });

  test('shows titles as text, whatever they hold', async () => {
    const { html, markdown } = plain;
    expect(html).toContain('&lt;b&gt;&amp; &quot;page&quot; | `x`');
    expect(html).not.toContain('<b>');
    expect(markdown).toContain('\\<b\\>& "page" \\| \\`x\\`');
  });

  test('plots every candidate with numbers that exist', async () => {
    const { html } = plain;
    expect(html.match(/<svg /g)).toHaveLength(3);
    expect(html).not.toMatch(/NaN|Infinity|undefined|null/);
    for (const tone of [0, 1, 2, 3]) expect(html).toContain(`tone${tone}"`);
  });

  test('a model without memories, on one page, still has a report', async () => {
    const made = {
      ...DEFAULT,
      rates: { pretrained: DEFAULT.rates.pretrained! },
      pages: [''],
      shots: [0],
    };
    const { html, markdown } = await write('little', made);
    expect(html).toContain('(no page)');
    expect(markdown).toContain('| neox-mini | ');
    expect(html).not.toMatch(/NaN|Infinity|undefined|null/);
  });
});

test('the same inputs give the same bytes', async () => {
  expect(await write('again')).toEqual(plain);
});
