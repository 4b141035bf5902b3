/** The results of all models as JSON, as Markdown and as one HTML page with plots. */
import { writeFileSync } from 'node:fs';
import { confusionOf } from '../src/eval/metrics.ts';
import { composeReport } from '../src/eval/report/compose.ts';
import { renderHtml } from '../src/eval/report/html.ts';
import { renderMarkdown } from '../src/eval/report/markdown.ts';
import { answerQuestions, type QuestionAnswer } from '../src/eval/report/questions.ts';
import {
  leakageOf,
  type Report,
  readCells,
  readCounts,
  readCurve,
  readResults,
} from '../src/eval/report/report.ts';
import type { Cell } from '../src/eval/result.ts';
import { translateErrors } from '../src/fever/data-error.ts';
import { writeJson } from '../src/fever/json-lines.ts';
import { defineStage, type StageContext, StageError, Type } from '../src/pipe/stage.ts';

export default defineStage({
  description: 'Writes the tables, the answers to the four questions, and the plots.',
  params: Type.Object({}),
  inputs: {
    predictions: { kind: 'fan-in', description: '`eval`’s predictions of each model.' },
    results: { kind: 'fan-in', description: '`eval`’s results of each model.' },
    training: { kind: 'fan-in', optional: true, description: '`train`’s metrics of each memory.' },
    extracted: { kind: 'file', description: '`extract`’s stats.' },
    truncated: { kind: 'file', description: '`truncate`’s stats.' },
    templates: { kind: 'file', description: '`templates`’ stats.' },
  },
  outputs: {
    results: { path: 'results.json' },
    markdown: { path: 'results.md' },
    html: { path: 'results.html' },
  },
  run: (context) => translateErrors(StageError, () => writeReport(context)),
});

type Context = StageContext<
  object,
  'predictions' | 'results' | 'training' | 'extracted' | 'truncated' | 'templates',
  'results' | 'markdown' | 'html'
>;

function writeReport(context: Context): void {
  const { outputs, seed } = context;
  const report = gather(context);
  const answers = answerQuestions(report.cells, { seed });
  const blocks = composeReport(report, answers);
  writeJson(outputs.results, resultsOf(report, answers));
  writeFileSync(outputs.markdown, renderMarkdown(blocks));
  writeFileSync(outputs.html, renderHtml('Does memory help factual prediction?', blocks));
  for (const { number, model, question, verdict } of answers) {
    context.note(`${number}. ${question} ${model}: ${verdict}`);
  }
  const { normalised, inDocuments } = report.leakage;
  context.note(`eval claims in training examples: ${normalised}, in pages learnt: ${inDocuments}`);
}

function gather({ inputs }: Context): Report {
  const counts = readCounts({
    extract: inputs.extracted.path,
    truncate: inputs.truncated.path,
    templates: inputs.templates.path,
  });
  const models = inputs.results.files.map(({ path }) => readResults(path));
  return {
    models,
    cells: readCells(inputs.predictions.files.map(({ path }) => path)),
    curves: inputs.training.files.map(({ path, cell: { model, ...rest } }) =>
      readCurve(path, {
        model: model ?? models[0]?.model ?? '',
        candidate: Object.values(rest).join(),
      }),
    ),
    counts,
    leakage: leakageOf(counts),
  };
}

function resultsOf(
  { models, cells, counts, leakage }: Report,
  questions: readonly QuestionAnswer[],
) {
  return {
    rows: models.flatMap(({ rows }) => rows),
    intervals: models.flatMap(({ intervals }) => intervals),
    comparisons: models.flatMap(({ comparisons }) => comparisons),
    againstNaiveBayes: models.flatMap(({ againstNaiveBayes }) => againstNaiveBayes),
    baselines: models.flatMap(({ model, baselines }) =>
      baselines.map((item) => ({ model, ...item })),
    ),
    models: models.map(({ model, parameters, seed, memories }) => ({
      model,
      parameters,
      seed,
      memories,
    })),
    questions,
    confusion: cells.map(confusionRow),
    leakage,
    data: counts,
  };
}

function confusionRow({ model, candidate, shots, scoring, predictions }: Cell) {
  const matrix = [...confusionOf(predictions)].map(
    ([gold, counts]) => [gold, Object.fromEntries(counts)] as const,
  );
  return { model, candidate, shots, scoring, counts: Object.fromEntries(matrix) };
}
