/** A methods paragraph from the settings that the artifacts carry. Says nothing that none of them says. */
import { type Block, heading, paragraph } from '../document.ts';
import { grouped, listText } from '../number-text.ts';
import type { Report, Settings, TrainingSettings } from '../report.ts';
import type { ModelResults } from '../results-file.ts';
import { askedViews } from './accuracy.ts';

export function methodBlocks(report: Report): Block[] {
  return [
    heading(2, 'Methods'),
    paragraph(dataText(report)),
    paragraph(modelText(report)),
    ...trainingTexts(report.training).map((text) => paragraph(text)),
    paragraph(scoringText(report)),
    paragraph(inferenceText(report)),
  ];
}

function dataText({ counts, models }: Report): string {
  const { truncate, templates } = counts;
  const count = (of: Settings, name: string) =>
    typeof of[name] === 'number' ? grouped(of[name]) : 'an unknown number of';
  const shots = [...new Set(models.flatMap(({ rows }) => rows.map((row) => row.shots)))].sort(
    (a, b) => a - b,
  );
  return (
    `Claims were grouped by the page of their evidence (${count(truncate, 'nFull')} pages); of the ` +
    `${count(truncate, 'nTop')} pages with most questions, ${count(truncate, 'nTrunc')} were kept that ` +
    `have a text and training questions. The ${count(templates, 'questions')} questions on them were each ` +
    `asked with ${listText(shots.map(String))} answered claims before the one in question (“shots”), taken ` +
    'from the training claims of the same page (or from a fixed list where it has too few) and never ' +
    'equal in text to the claim that is asked.'
  );
}

function modelText({ models }: Report): string {
  const names = models.map(
    ({ model, parameters }) => `${model} (${grouped(parameters)} parameters)`,
  );
  const memories = models.flatMap(({ model, candidates }) =>
    candidates
      .filter(({ kind, blocks }) => kind === 'memory' && blocks.length > 0)
      .map(({ name, blocks }) => ({
        name,
        place: `block${blocks.length > 1 ? 's' : ''} ${blocks.join(', ')} of ${model}`,
      })),
  );
  const places = [...new Set(memories.map(({ place }) => place))];
  const where = places.length === 0 ? '' : ` Memories sit on ${listText(places)}, counted from 0.`;
  return `The frozen model${names.length > 1 ? 's were' : ' was'} ${listText(names)}.${where}`;
}

/** One sentence for the settings that all share, one for each that differs. */
function trainingTexts(training: readonly TrainingSettings[]): string[] {
  const texts = new Map<string, string[]>();
  for (const { candidate, settings } of training) {
    const text = trainingText(settings);
    texts.set(text, [...new Set([...(texts.get(text) ?? []), candidate])]);
  }
  return [...texts].map(([text, names]) => `${listText(names)}: ${text}`);
}

function trainingText(settings: Settings): string {
  const of = (name: string) => String(settings[name] ?? 'an unknown');
  const batch = Number(settings.batch ?? 0) * Number(settings.accumulate ?? 1);
  const decay =
    settings.weightDecay === 0
      ? 'no weight decay'
      : `weight decay ${of('weightDecay')} (${of('decay')})`;
  const loss = settings.loss === 'answer' ? 'the answer’s tokens only' : 'every token';
  return (
    `${kindText(settings)}, trained by next-token cross-entropy on ${loss} for ${of('epochs')} epochs with ` +
    `${of('optimizer') === 'adamw' ? 'AdamW' : 'Adam'} (learning rate ${of('learningRate')}, ` +
    `${of('schedule') === 'constant' ? 'constant' : 'cosine'} schedule after ${of('warmupSteps')} warm-up ` +
    `steps, batches of ${batch} texts, ${decay}, gradients clipped at a norm of ${of('clipNorm')}); the ` +
    'weights of the model stayed as they were.'
  );
}

function kindText(settings: Settings): string {
  if (settings.kind === 'lora') return `a low-rank update of rank ${settings.rank}`;
  if (settings.kind === 'full') return 'a full update of the weights, kept beside them,';
  const norm = settings.norm === false ? 'without layer norm' : 'with layer norm';
  return `a residual memory (${settings.hidden} hidden units, ${norm}, gate from ${settings.gateInit})`;
}

const SCORINGS: Readonly<Record<string, string>> = {
  likelihood: 'the greatest sum of the answer’s log-probabilities',
  'per-token': 'the same, per token of the answer',
  'per-byte': 'the same, per byte of the answer',
  calibrated: 'the likelihood after contextual calibration by a content-free prompt',
  pmi: 'the likelihood less that of the answer without a context',
  generate:
    'greedy decoding, and the first letter in parentheses that it writes; a text without one is INVALID and wrong',
};

function scoringText({ models }: Report): string {
  const views = askedViews(models);
  const scorings = [...new Set(views.map(({ scoring }) => scoring))];
  const letters = [...new Set(views.map((view) => view.letters))];
  const ways = scorings.map((name) => `${name} (${SCORINGS[name] ?? 'as named'})`);
  const permuted =
    letters.length < 2 ? '' : ` The answers’ letters were also permuted: ${listText(letters)}.`;
  return `The answer is chosen by ${listText(ways)}.${permuted}`;
}

function inferenceText({ models }: Report): string {
  return models
    .map(designText)
    .filter((text, at, all) => all.indexOf(text) === at)
    .join(' ');
}

function designText({ design, families }: ModelResults): string {
  const tests = families.map(({ name, tests }) => `${name} (${tests})`);
  return (
    `${grouped(design.questions)} questions form ${grouped(design.clusters)} clusters that share no page and ` +
    `no claim. Intervals: ${design.intervals}. Tests: ${design.test}. P-values are corrected by Holm’s ` +
    `method within each family of comparisons: ${listText(tests)}.`
  );
}
