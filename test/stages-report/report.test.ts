import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Calibration } from '../../src/eval/report/calibration.ts';
import type { QuestionAnswer } from '../../src/eval/report/questions.ts';
import report from '../../stages/report.ts';
import { runStage } from '../stages-eval/stage-run.ts';
import { DEFAULT, type Made, makeInputs, PRIMARY } from './results.ts';

let folder: string;
let plain: Awaited<ReturnType<typeof write>>;
let rich: typeof plain;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'report-'));
  plain = await write('plain');
  rich = await write('rich', {
    ...DEFAULT,
    models: ['pythia-70m', 'pythia-1.4b'],
    rates: {
      ...DEFAULT.rates,
      'doc,lora': { rate: 0.7, perShot: 0 },
      'gate-0': { rate: 0.4, perShot: 0.02 },
    },
    pages: DEFAULT.pages.slice(0, 10),
    shots: [0, 2],
    seeds: [0, 1],
    views: [PRIMARY, { scoring: 'per-byte', letters: 'bca' }],
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

async function write(name: string, made: Made = DEFAULT) {
  const { outputs, notes } = await runStage(report, {
    folder: join(folder, name, 'out'),
    params: {},
    inputs: makeInputs(join(folder, name), made),
  });
  const read = (output: string) => readFileSync(outputs[output]!, 'utf8');
  const results = JSON.parse(read('results')) as Record<string, unknown>;
  return {
    results,
    answers: results.questions as QuestionAnswer[],
    markdown: read('markdown'),
    html: read('html'),
    csv: read('csv'),
    latex: read('latex'),
    notes,
  };
}

function withoutScript(html: string): string {
  return html.replace(/<script>[\s\S]*?<\/script>/, '');
}

function withRates(rates: Made['rates']): Made {
  return { ...DEFAULT, rates };
}

describe('the questions', () => {
  test('are answered by intervals and corrected tests: large differences yes, small ones not shown', () => {
    const verdicts = plain.answers.map(({ number, verdict }) => [number, verdict]);
    expect(verdicts).toEqual([
      [2, 'not shown'],
      [3, 'yes'],
      [4, 'not shown'],
    ]);
    expect(plain.notes).toContain('3. Does memory of the templates help? neox-mini: yes');
  });

  test('a worse memory is no', async () => {
    const same = { rate: 0.5, perShot: 0 };
    const { answers } = await write(
      'worse',
      withRates({ pretrained: same, doc: { rate: 0.3, perShot: 0 } }),
    );
    expect(answers.map(({ number, verdict }) => [number, verdict])).toEqual([[2, 'no']]);
  });

  test('know a candidate with other axes, and one that the experiment does not name', async () => {
    const lora = rich.answers.filter(({ pooled }) => pooled[0]!.candidate === 'doc,lora');
    expect(lora.map(({ number, scoring }) => [number, scoring])).toEqual([
      [2, 'likelihood'],
      [2, 'per-byte'],
      [2, 'likelihood'],
      [2, 'per-byte'],
    ]);
    const { pretrained } = DEFAULT.rates;
    const made = withRates({ pretrained: pretrained!, recall: { rate: 0.8, perShot: 0 } });
    const { answers, markdown } = await write('named', made);
    expect(answers.map(({ question, verdict }) => [question, verdict])).toEqual([
      ['Does the memory recall help?', 'yes'],
    ]);
    expect(markdown).toContain('### Does the memory recall help?');
  });

  test('show the very comparisons that eval made', () => {
    const comparisons = plain.results.comparisons as object[];
    for (const { pooled, byShots } of plain.answers) {
      for (const item of [...pooled, ...byShots]) expect(comparisons).toContainEqual(item);
    }
    expect(plain.answers[1]!.byShots).toHaveLength(6);
  });
});

describe('predictions that are not those of the results', () => {
  test('are an error that names the cell', async () => {
    const inputs = makeInputs(join(folder, 'one'), DEFAULT);
    const other = makeInputs(
      join(folder, 'other'),
      withRates({ ...DEFAULT.rates, doc: DEFAULT.rates.temp!, temp: DEFAULT.rates.doc! }),
    );
    const mixed = { ...inputs, predictions: other.predictions };
    const options = { folder: join(folder, 'mixed'), params: {}, inputs: mixed };
    await expect(runStage(report, options)).rejects.toThrow(
      /agreement gate: of neox-mini, doc, 0 shots, likelihood/,
    );
  });
});

describe('calibration', () => {
  test('has bins whose confidences rise and whose answers are all there', () => {
    const [pretrained] = plain.results.calibration as Calibration[];
    const { bins, n, overconfidence } = pretrained!;
    expect(n).toBe(40 * 8 * 6);
    expect(bins.reduce((sum, bin) => sum + bin.n, 0)).toBe(n);
    const confidences = bins.map(({ confidence }) => confidence);
    expect(confidences).toEqual([...confidences].sort((a, b) => a - b));
    const mean = (of: (bin: (typeof bins)[number]) => number) =>
      bins.reduce((sum, bin) => sum + bin.n * of(bin), 0) / n;
    const gap = mean(({ confidence }) => confidence) - mean(({ accuracy }) => accuracy);
    expect(overconfidence.value).toBeCloseTo(gap, 12);
    expect(overconfidence.low).toBeLessThan(overconfidence.value);
    expect(overconfidence.high).toBeGreaterThan(overconfidence.value);
  });

  test('counts the right answer by the letter that stood for it', () => {
    const calibrations = rich.results.calibration as Calibration[];
    const of = (scoring: string) =>
      calibrations.find((item) => item.scoring === scoring && item.candidate === 'temp')!;
    expect(of('per-byte').brier.value).toBeCloseTo(of('likelihood').brier.value, 12);
  });
});

describe('results.csv', () => {
  test('is tidy: one row a number, with its interval', () => {
    const [head, ...lines] = rich.csv.trimEnd().split('\n');
    const columns = head!.split(',');
    // No field but these holds a comma.
    const rows = lines.map((text) => text.replace('"doc,lora"', 'doc;lora').split(','));
    for (const row of rows) expect(row).toHaveLength(columns.length);
    const at = (name: string) => columns.indexOf(name);
    const own = rows.filter(
      (row) =>
        row[at('metric')] === 'accuracy' &&
        row[at('candidate')] === 'temp' &&
        row[at('shots')] === '2',
    );
    // Two models in two views, each with a mean and two seeds.
    expect(own.map((row) => row[at('seed')])).toEqual(Array(4).fill(['', '0', '1']).flat());
    const value = Number(own[0]![at('value')]);
    expect(Number(own[0]![at('low')])).toBeCloseTo(value - 0.05, 12);
    expect(Number(own[0]![at('high')])).toBeCloseTo(value + 0.05, 12);
    expect(own[1]![at('low')]).toBe('');
    expect(rows.some((row) => row[at('metric')] === 'difference' && row[at('shots')] === '')).toBe(
      true,
    );
  });
});

describe('results.tex', () => {
  test('has every table of the note, with as many cells in each row as columns', () => {
    const { latex } = rich;
    for (const name of ['doc,lora', 'gate-0', 'temp'])
      expect(latex).toContain(`Accuracy of ${name} (likelihood) with 95 \\% intervals.`);
    for (const [, columns, body] of latex.matchAll(
      /\\begin\{tabular\}\{(\w+)\}([\s\S]*?)\\end\{tabular\}/g,
    )) {
      const rows = body!.split('\n').filter((text) => text.endsWith('\\\\'));
      expect(rows.length).toBeGreaterThan(1);
      for (const row of rows) expect(row.split(' & ')).toHaveLength(columns!.length);
    }
  });
});

describe('results.md', () => {
  test("has the note's tables: a row a model, a column a number of shots, and the full results", () => {
    const { markdown } = rich;
    for (const candidate of Object.keys(DEFAULT.rates))
      expect(markdown).toContain(`**${candidate} (likelihood)**`);
    expect(markdown).toContain('| model | 0-shot | 2-shot |');
    expect(markdown).toMatch(/^\| pythia-70m \| \d\.\d{3} \(\d\.\d{3}–\d\.\d{3}\) \|/m);
    expect(markdown).toMatch(/^\| pythia-1\.4b \| 1\.4b \| doctemp \| 2 \| 0\./m);
    expect(markdown).toContain('<details><summary>Tables: per-byte, letters bca</summary>');
  });

  test('every table has as many cells in each row as in its head', () => {
    const width = (text: string) => text.replaceAll('\\|', '').split('|').length;
    for (const { markdown } of [plain, rich]) {
      let head: number | undefined;
      for (const text of markdown.split('\n')) {
        if (!text.startsWith('|')) head = undefined;
        else {
          head ??= width(text);
          expect(width(text), text).toBe(head);
        }
      }
    }
  });

  test('puts claims beside their controls, definitions beside the numbers, and settings into words', () => {
    const { markdown } = plain;
    expect(markdown).toMatch(
      /\| The memory of templates knows facts\. \| stands \| naive-bayes \|/,
    );
    expect(markdown).toContain('- **accuracy**: The share of right answers, C / N.');
    expect(markdown).toContain(
      'doc, temp and doctemp: a residual memory (128 hidden units, with layer norm, gate from 1), trained by ' +
        'next-token cross-entropy on the answer’s tokens only for 10 epochs with Adam',
    );
    expect(markdown).toContain('| 5 | 320 | 140 | 150 | 160 |');
    expect(markdown).toContain('digest of doctemp 0');
  });
});

describe('results.html', () => {
  test('asks nothing of the network, and its policy lets the browser ask nothing', () => {
    const { html } = rich;
    expect(html).not.toMatch(/\b(?:src|href|action|data|poster|srcset|formaction|ping)\s*=/i);
    expect(html).not.toMatch(/url\(|@import|<link|<iframe|<object|<embed|<base|\son\w+=/i);
    expect(html).not.toMatch(/https?:(?!\/\/www\.w3\.org\/)/);
    expect(html).toContain(
      `content="default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-`,
    );
    expect(html.match(/<script/g)).toHaveLength(1);
  });

  test('is well-formed: every element is closed where it was opened', () => {
    const open: string[] = [];
    const isVoid = new Set(['meta', '!doctype', 'br']);
    const body = rich.html
      .replace(/<style>[\s\S]*?<\/style>/, '')
      .replace(/<script>[\s\S]*?<\/script>/, '')
      .replace(/<!--.*?-->/g, '');
    for (const [, close, name, selfClosed] of body.matchAll(
      /<(\/?)([a-z!][a-z0-9]*)[^<>]*?(\/?)>/gi,
    )) {
      if (close) expect(open.pop(), `</${name}>`).toBe(name);
      else if (!selfClosed && !isVoid.has(name!)) open.push(name!);
    }
    expect(open).toEqual([]);
    expect(body.replace(/<[^<>]*>/g, '')).not.toMatch(/[<>]/);
  });

  test('shows titles and prompts as text, whatever they hold', () => {
    const { html, markdown } = plain;
    expect(html).toContain('&lt;b&gt;&amp; &quot;page&quot; | `x`');
    expect(html).toContain('<pre>Determine\nClaim: A &lt;b&gt; &amp; &quot;c&quot;.\nA:</pre>');
    expect(html).not.toContain('<b>');
    expect(markdown).toContain('\\<b\\>& "page" \\| \\`x\\`');
  });

  test('plots every candidate with numbers that exist, in colours of the page', () => {
    const html = withoutScript(plain.html);
    // Questions, accuracy, differences, training, reliability.
    expect(html.match(/<svg[^>]*role="img"/g)).toHaveLength(5);
    expect(html).not.toMatch(/NaN|Infinity|undefined|\bnull\b/);
    for (const tone of [0, 1, 2, 3]) expect(html).toContain(`var(--tone${tone})`);
    expect(html).not.toMatch(/(?:fill|stroke)="(?:#|white|black|rgb)/);
  });

  test('has the slot where what only the store knows is put', () => {
    expect(plain.html.match(/<!-- pipe:provenance -->/g)).toHaveLength(1);
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
    expect(withoutScript(html)).not.toMatch(/NaN|Infinity|undefined|\bnull\b/);
  });
});

test('the same inputs give the same bytes', async () => {
  expect(await write('plain')).toEqual(plain);
});
