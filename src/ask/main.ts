/**
 * A program: asks a model, outside of any pipeline, what it makes of a file of prompts, so that a user
 * sees whether a model's folder, a tokenizer or a memory does what he thinks. Started by `pipe lm`
 * with an AskRequest as its argument; knows no pipeline. Exit codes: 0 done, 2 the user's files are
 * wrong.
 */
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { ModelFileError } from '../lm/model-file-error.ts';
import { MisfitError } from '../memory/memory.ts';
import { startBackend } from '../tensor/backend.ts';
import { goOn } from './go-on.ts';
import { PromptFileError, type PromptLine, parsePrompts } from './prompt-file.ts';
import type { AskRequest } from './request.ts';
import { scoreContinuation } from './score.ts';
import { openSubject, type Subject } from './subject.ts';

async function answer(request: AskRequest): Promise<void> {
  const prompts = readPrompts(request);
  const backend = await startBackend();
  process.stderr.write(`backend ${backend.name}: ${backend.reason}\n`);
  const subject = await openSubject(request.model, request.memory);
  const output = openOutput(request.out);
  try {
    for (const prompt of prompts) {
      output.write(await answerOne(request, subject, prompt));
    }
    output.finish();
  } finally {
    output.drop();
    subject.dispose();
  }
}

function readPrompts({ prompts, what }: AskRequest): PromptLine[] {
  let text: string;
  try {
    text = readFileSync(prompts, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new PromptFileError(`${prompts}: cannot be read (${code})`);
  }
  return parsePrompts(text, prompts, { continuations: what === 'score' });
}

async function answerOne(
  { what, prompts, maxTokens }: AskRequest,
  { adapted, tokenizer }: Subject,
  { line, ...prompt }: PromptLine,
): Promise<object> {
  const { context, continuation = '' } = prompt;
  try {
    const result =
      what === 'score'
        ? await scoreContinuation(adapted, tokenizer, { context, continuation })
        : await goOn(adapted, tokenizer, { context, maxTokens });
    return { line, ...prompt, ...result };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new PromptFileError(`${prompts}:${line}: ${error.message}`);
  }
}

interface Output {
  write(record: object): void;
  /** All lines were written. */
  finish(): void;
  /** Removes what was not finished. */
  drop(): void;
}

/** A file appears under its name only once it is whole. */
function openOutput(file: string | undefined): Output {
  if (file === undefined) {
    const nothing = () => {
      // What was printed cannot be taken back.
    };
    const write = (record: object) => process.stdout.write(`${JSON.stringify(record)}\n`);
    return { write, finish: nothing, drop: nothing };
  }
  const temporary = `${file}.${process.pid}.tmp`;
  const descriptor = openSync(temporary, 'w');
  return {
    write: (record) => writeSync(descriptor, `${JSON.stringify(record)}\n`),
    finish: () => renameSync(temporary, file),
    drop: () => {
      closeSync(descriptor);
      rmSync(temporary, { force: true });
    },
  };
}

// A reader that has seen enough (`pipe lm score … | head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await answer(JSON.parse(process.argv[2] ?? '') as AskRequest);
} catch (error) {
  const mendable =
    error instanceof ModelFileError ||
    error instanceof PromptFileError ||
    error instanceof MisfitError;
  if (!mendable) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
process.exit();
