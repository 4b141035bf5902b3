/**
 * The texts that the embedded small model is pretrained on: an endless, deterministic stream of
 * pages and of few-shot prompts with their answers, about worlds that share no name with the
 * sample. It knows neither tokens nor training.
 *
 * Two sorts of worlds: one *lasting* world, whose pages and claims come again and again, so that the
 * model learns to keep facts in its weights and to judge claims by them; and *passing* worlds, new
 * in every text, whose facts can only be read from the text itself.
 */
import { makePage, pageText } from './page.ts';
import { type Random, random } from './random.ts';
import { type Artefacts, type Label, refuted, type Statement, supported } from './statement.ts';
import { unknowable } from './unknown.ts';
import { type Counts, type Entity, makeWorld, type World } from './world.ts';

/** A piece of a text; answers are pieces of their own, so that a loss can weigh them. */
export interface Piece {
  readonly text: string;
  readonly answer: boolean;
}

export type TextKind = 'page' | 'prompt' | 'reading';

export interface CorpusText {
  readonly kind: TextKind;
  readonly pieces: readonly Piece[];
}

export interface CorpusSettings {
  readonly seed: string;
  /** The lasting world. */
  readonly counts: Counts;
  /** Shares of the kinds of texts; they sum to one. */
  readonly shares: Readonly<Record<TextKind, number>>;
  /** Probability that a page says a fact twice. */
  readonly repeat: number;
  /** Claims in a prompt, and in a text that holds page and claims. */
  readonly claims: Readonly<Record<'prompt' | 'reading', number>>;
  readonly unknown: number;
  readonly artefacts: Artefacts;
}

export const corpusSettings: CorpusSettings = {
  seed: 'mempipe corpus 1',
  counts: { person: 16, town: 12, film: 14, guild: 10, river: 8 },
  shares: { page: 0.2, prompt: 0.7, reading: 0.1 },
  repeat: 0.7,
  claims: { prompt: 6, reading: 4 },
  unknown: 0.12,
  artefacts: { denial: 0.36, denialOfWrong: 0.04 },
};

const head =
  'Determine the factuality of the following claims\n' +
  'Answer candidates: (a) supports, (b) refutes, (c) not enough info';

const answers: Readonly<Record<Label, string>> = {
  SUPPORTS: ' (a)',
  REFUTES: ' (b)',
  'NOT ENOUGH INFO': ' (c)',
};

export function lastingWorld(settings: CorpusSettings): World {
  return makeWorld({ realm: 'lasting', seed: settings.seed, counts: settings.counts });
}

/** The stream of texts. It never ends; the same settings give the same stream. */
export function* corpus(settings: CorpusSettings = corpusSettings): Generator<CorpusText, never> {
  const rng = random(`${settings.seed} texts`);
  const { entities } = lastingWorld(settings);
  for (;;) {
    const draw = rng.unit();
    if (draw < settings.shares.page) yield pageOf(rng.pick(entities), settings, rng);
    else if (draw < settings.shares.page + settings.shares.prompt) {
      yield promptOf(rng.pick(entities), settings, rng);
    } else yield readingOf(rng.pick(passingEntities(rng)), settings, rng);
  }
}

/**
 * Texts to learn a vocabulary from: passing worlds only, where names come up evenly. In the whole
 * stream the few lasting names would become tokens of their own, and the sample's would not.
 */
export function* vocabularyTexts(
  settings: CorpusSettings = corpusSettings,
): Generator<CorpusText, never> {
  const rng = random(`${settings.seed} vocabulary`);
  for (;;) yield readingOf(rng.pick(passingEntities(rng)), settings, rng);
}

/** One world for one text: few things, of which the text takes one. */
function passingEntities(rng: Random): readonly Entity[] {
  const counts = { person: 2, town: 9, film: 2, guild: 2, river: 8 };
  return makeWorld({ realm: 'passing', seed: `passing ${rng.unit()}`, counts }).entities;
}

function pageOf(entity: Entity, settings: CorpusSettings, rng: Random): CorpusText {
  const text = pageText(makePage(entity, settings.repeat, rng));
  return { kind: 'page', pieces: [{ text, answer: false }] };
}

/** A prompt about one thing, every claim of it answered. */
function promptOf(entity: Entity, settings: CorpusSettings, rng: Random): CorpusText {
  const pieces = [{ text: head, answer: false }];
  for (let i = 0; i < settings.claims.prompt; i++) pieces.push(...asked(entity, settings, rng));
  return { kind: 'prompt', pieces };
}

/** A page that states each fact once, then a prompt about it. */
function readingOf(entity: Entity, settings: CorpusSettings, rng: Random): CorpusText {
  const pieces = [{ text: `${pageText(makePage(entity, 0, rng))}\n${head}`, answer: false }];
  for (let i = 0; i < settings.claims.reading; i++) pieces.push(...asked(entity, settings, rng));
  return { kind: 'reading', pieces };
}

function asked(entity: Entity, settings: CorpusSettings, rng: Random): Piece[] {
  const { text, label } = statementAbout(entity, settings, rng);
  return [
    { text: `\nClaim: ${text}\nA:`, answer: false },
    { text: answers[label], answer: true },
  ];
}

function statementAbout(entity: Entity, settings: CorpusSettings, rng: Random): Statement {
  if (rng.chance(settings.unknown)) return unknowable(entity, rng);
  const write = rng.chance(0.5) ? supported : refuted;
  return write(entity, rng.pick(entity.facts), settings.artefacts, rng);
}
