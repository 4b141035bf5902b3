/**
 * A frozen model and its memories, ready to be asked: likelihoods of given answers, and free
 * completions. Knows no label, no page and no score.
 */
import { createHash } from 'node:crypto';
import { readModelConfig } from '../lm/config.ts';
import { residentBytes } from '../lm/fit.ts';
import { modelParameters } from '../lm/footprint.ts';
import { type Adapted, loadModel, type Model } from '../lm/model.ts';
import type { ModelConfig } from '../lm/model-config.ts';
import { completeContexts } from '../lm/scoring/complete.ts';
import { type Question, tokeniseQuestion } from '../lm/scoring/question.ts';
import { type Scores, scoreQuestions } from '../lm/scoring/score.ts';
import { loadTokenizer, type Tokenizer } from '../lm/tokenizer.ts';
import { loadMemory } from './files.ts';
import type { Memory } from './memory.ts';

export interface ExamineeOptions {
  /** Folder of the model. */
  readonly model: string;
  /** Folder of each memory, by the candidate's name. */
  readonly memories: ReadonlyMap<string, string>;
  /** Memories that no training made, by the candidate's name; the examinee disposes of them. */
  readonly untrained?: (model: ModelConfig, folder: string) => ReadonlyMap<string, Memory>;
  /** What may follow a text, such as ` (a)`. */
  readonly answers: readonly string[];
  /** Rows of tokens that run at once. */
  readonly batch: number;
  /** Of the model's blocks, what may be on the backend at once. Default: what fits there. */
  readonly residentBytes?: number;
  readonly generation: {
    readonly maxTokens: number;
    /** Ends a completion once it holds for the text so far. */
    readonly stop: (text: string) => boolean;
  };
}

export interface Examinee {
  /** Of the frozen model. */
  readonly parameters: number;
  readonly memories: ReadonlyMap<string, Memory>;
  /** A candidate without a memory is the model as it came. Texts begin alike, for speed. */
  logLikelihoods(texts: readonly string[], candidates: readonly string[]): Promise<LikelihoodsOf[]>;
  /** Greedy; ends at the model's end of text too. */
  generate(texts: readonly string[], candidate: string): Promise<Generated>;
  /** How long a text and its answers are for the model. */
  measure(text: string): Measure;
  /** Texts so far that were longer than the positions that the model was trained on. */
  overlong(): number;
  dispose(): void;
}

interface LikelihoodsOf {
  /** By text and answer. */
  readonly scores: Scores['logLikelihoods'];
  /** By text, the largest |difference| to the logits of the first candidate asked for. */
  readonly maxAbsLogitDeltas: Scores['maxAbsLogitDeltas'];
}

export interface Measure {
  /** Of the text alone. */
  readonly tokens: number;
  /** Of each answer after the text. */
  readonly answerTokens: readonly number[];
}

interface Generated {
  readonly texts: readonly string[];
  /** By text, of the logits that its first token was chosen by: equal only where no logit differs. */
  readonly firstLogitsDigests: readonly string[];
}

/** Loads the whole model and all memories. @throws ModelFileError for damaged files */
export async function openExaminee(options: ExamineeOptions): Promise<Examinee> {
  const tokenizer = loadTokenizer(options.model);
  const config = readModelConfig(options.model);
  const { layers } = config;
  const model = await loadModel(options.model, {
    from: 0,
    to: layers,
    embedding: true,
    head: true,
    residentBytes: options.residentBytes ?? residentBytes(config),
  });
  const memories = new Map<string, Memory>();
  for (const [name, folder] of options.memories) memories.set(name, await loadMemory(folder));
  const made = options.untrained?.(model.config, options.model) ?? new Map<string, Memory>();
  for (const [name, memory] of made) memories.set(name, memory);
  const counter = overlongCounter(model);
  const asCame: Adapted = { model, adapters: new Map(), ownFrom: layers };
  const adapted = new Map([...memories].map(([name, memory]) => [name, memory.on(model)]));
  const adaptedOf = (name: string): Adapted => adapted.get(name) ?? asCame;
  return {
    parameters: modelParameters(config),
    memories,
    logLikelihoods: async (texts, candidates) => {
      const questions = texts.map((text) => tokeniseQuestion(tokenizer, text, options.answers));
      questions.forEach(counter.see);
      const all = await scoreQuestions(model, questions, candidates.map(adaptedOf), options);
      return all.map(({ logLikelihoods, ...rest }) => ({ scores: logLikelihoods, ...rest }));
    },
    generate: (texts, candidate) =>
      complete({ adapted: adaptedOf(candidate), tokenizer, options }, texts),
    measure: (text) => measure(tokenizer, text, options.answers),
    overlong: counter.count,
    dispose: () => {
      model.dispose();
      for (const memory of memories.values()) memory.dispose();
    },
  };
}

function measure(tokenizer: Tokenizer, text: string, answers: readonly string[]): Measure {
  const { context, continuations } = tokeniseQuestion(tokenizer, text, answers);
  return { tokens: context.length, answerTokens: continuations.map((ids) => ids.length) };
}

interface Writer {
  readonly adapted: Adapted;
  readonly tokenizer: Tokenizer;
  readonly options: ExamineeOptions;
}

async function complete(
  { adapted: { model, adapters }, tokenizer, options: { generation } }: Writer,
  texts: readonly string[],
): Promise<Generated> {
  const contexts = texts.map((text) => tokenizer.encode(text));
  const completions = await completeContexts(model, contexts, {
    adapters,
    maxTokens: generation.maxTokens,
    // Decoding leaves out the end of text, so that no text could show it.
    stop: (ids) => ids.at(-1) === tokenizer.eosId || generation.stop(tokenizer.decode(ids)),
  });
  return {
    texts: completions.map(({ ids }) => tokenizer.decode(ids)),
    firstLogitsDigests: completions.map(({ firstLogits }) => digestOf(firstLogits)),
  };
}

function digestOf({ buffer, byteOffset, byteLength }: Float32Array): string {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  return createHash('sha256').update(bytes).digest('hex');
}

/** Rotary positions go on beyond what was trained, so that long texts are counted and not refused. */
function overlongCounter({ config }: Model) {
  let count = 0;
  return {
    see: ({ context }: Question) => {
      if (context.length >= config.maxPositions) count += 1;
    },
    count: () => count,
  };
}
