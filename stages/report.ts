/** The results of all models as JSON, tables for other programs, Markdown, and one HTML page with plots. */
import { writeFileSync } from 'node:fs';
import { calibrationOf } from '../src/eval/report/calibration.ts';
import { composeReport, TITLE } from '../src/eval/report/compose.ts';
import { renderHtml } from '../src/eval/report/html.ts';
import { renderLatex } from '../src/eval/report/latex.ts';
import { renderMarkdown } from '../src/eval/report/markdown.ts';
import { decodePrediction } from '../src/eval/report/prediction.ts';
import { answerQuestions } from '../src/eval/report/questions.ts';
import {
  type Report,
  readCurve,
  readSettings,
  requireAgreement,
} from '../src/eval/report/report.ts';
import { readResults } from '../src/eval/report/results-file.ts';
import { type CellTally, tallyOf } from '../src/eval/report/tally.ts';
import { renderCsv } from '../src/eval/report/tidy.ts';
import { translateErrors } from '../src/fever/data-error.ts';
import { readJsonLines, writeJson } from '../src/fever/json-lines.ts';
import {
  defineStage,
  type StageContext,
  StageError,
  type StageInput,
  Type,
} from '../src/pipe/stage.ts';

export default defineStage({
  description: 'Writes the tables, the answers to the four questions, and the plots.',
  params: Type.Object({}),
  inputs: {
    predictions: { kind: 'fan-in', description: '`eval`’s predictions of each model.' },
    results: { kind: 'fan-in', description: '`eval`’s results of each model.' },
    training: { kind: 'fan-in', optional: true, description: '`train`’s metrics of each memory.' },
    settings: { kind: 'fan-in', optional: true, description: '`train`’s settings of each memory.' },
    extracted: { kind: 'file', description: '`extract`’s stats.' },
    truncated: { kind: 'file', description: '`truncate`’s stats.' },
    templates: { kind: 'file', description: '`templates`’ stats.' },
  },
  outputs: {
    results: { path: 'results.json' },
    markdown: { path: 'results.md' },
    html: { path: 'results.html' },
    csv: { path: 'results.csv' },
    latex: { path: 'results.tex' },
  },
  run: (context) => translateErrors(StageError, () => writeReport(context)),
});

type Context = StageContext<
  object,
  'predictions' | 'results' | 'training' | 'settings' | 'extracted' | 'truncated' | 'templates',
  'results' | 'markdown' | 'html' | 'csv' | 'latex'
>;

function writeReport(context: Context): void {
  const { outputs, note } = context;
  const report = gather(context);
  requireAgreement(report.tallies, report.models);
  const blocks = composeReport(report);
  writeJson(outputs.results, resultsOf(report));
  writeFileSync(outputs.markdown, renderMarkdown(blocks));
  writeFileSync(outputs.html, renderHtml(TITLE, blocks));
  writeFileSync(outputs.csv, renderCsv(report.models));
  writeFileSync(outputs.latex, renderLatex(report.models));
  for (const { number, model, scoring, question, verdict } of report.answers) {
    if (scoring !== 'likelihood') continue;
    note(`${number === undefined ? '' : `${number}. `}${question} ${model}: ${verdict}`);
  }
}

function gather({ inputs, seed }: Context): Report {
  const models = inputs.results.files.map(({ path }) => readResults(path));
  const tallies = tallyOf(predictionsIn(inputs.predictions));
  const nameOf = ({ model, seed: _, ...rest }: Readonly<Record<string, string>>) => ({
    model: model ?? models[0]?.model ?? '',
    candidate: Object.values(rest).join(),
  });
  return {
    models,
    tallies,
    answers: answerQuestions(models),
    calibrations: tallies.confidences.map((tally) => calibrationOf(tally, { seed })),
    curves: inputs.training.files.map(({ path, cell }) => readCurve(path, nameOf(cell))),
    training: inputs.settings.files.map(({ path, cell }) => ({
      ...nameOf(cell),
      settings: readSettings(path),
    })),
    counts: {
      extract: readSettings(inputs.extracted.path),
      truncate: readSettings(inputs.truncated.path),
      templates: readSettings(inputs.templates.path),
    },
    sources: sourcesOf(inputs),
    seed,
  };
}

function* predictionsIn(input: StageInput) {
  for (const { path } of input.files) yield* readJsonLines(path, decodePrediction);
}

function sourcesOf(inputs: Context['inputs']): Report['sources'] {
  return Object.entries(inputs).flatMap(([name, { files }]) =>
    files.map(({ digest, cell }) => ({ name: [name, ...Object.values(cell)].join(', '), digest })),
  );
}

/** What `eval` found, word for word, and what the report alone makes of the predictions. */
function resultsOf({ models, tallies, answers, calibrations, counts, sources }: Report) {
  return {
    rows: models.flatMap(({ rows }) => rows),
    comparisons: models.flatMap(({ comparisons }) => comparisons),
    claims: models.flatMap(({ model, claims }) => claims.map((claim) => ({ model, ...claim }))),
    gates: models.flatMap(({ model, gates }) => gates.map((gate) => ({ model, ...gate }))),
    models: models.map(({ model, parameters, seed, design, candidates, families }) => ({
      model,
      parameters,
      seed,
      design,
      candidates,
      families,
    })),
    questions: answers,
    confusion: tallies.cells.map(confusionRow),
    calibration: calibrations,
    data: counts,
    sources,
  };
}

function confusionRow({ model, candidate, shots, scoring, letters, counts }: CellTally) {
  const matrix = [...counts].map(([gold, own]) => [gold, Object.fromEntries(own)] as const);
  return { model, candidate, shots, scoring, letters, counts: Object.fromEntries(matrix) };
}
