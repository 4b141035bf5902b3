/**
 * What a task's user calls its code and its inputs: fingerprints hold no names, because a name is no
 * content. Knows no fingerprint's values.
 */
import { posix } from 'node:path';
import type { ChangeNames, InputNames } from '../fingerprint/explain.ts';
import { globBase, isGlob } from './source.ts';
import type { Task, TaskInput } from './task.ts';

const { dirname } = posix;

export function changeNames(task: Task, earlier?: InputNames): ChangeNames {
  const { stage } = task;
  return {
    code: stage.body.kind === 'module' ? stage.body.use : 'its command',
    inputs: inputNames(task),
    ...(earlier === undefined ? {} : { earlier }),
  };
}

export function inputNames({ inputs }: Task): InputNames {
  return Object.fromEntries(
    inputs.map((input) => [
      input.name,
      { name: nameOf(input), upstream: input.kind === 'upstream' },
    ]),
  );
}

function nameOf(input: TaskInput): string {
  if (input.kind === 'upstream') {
    const outputs = input.from.map(({ task, output }) => `${task.replace(/@.*/, '')}.${output}`);
    return [...new Set(outputs)].join(', ');
  }
  const [pattern = '', ...others] = input.patterns;
  if (others.length > 0 || isGlob(pattern)) return asPrefix(commonBase(input.patterns));
  return input.shape === 'folder' ? `${pattern}/` : pattern;
}

/** The folder that the names of the files count from. */
function commonBase(patterns: readonly string[]): string {
  const bases = patterns.map((pattern) => (isGlob(pattern) ? globBase(pattern) : dirname(pattern)));
  return bases.reduce((common, base) => {
    let folder = common;
    while (!isTop(folder) && base !== folder && !base.startsWith(`${folder}/`)) {
      folder = dirname(folder);
    }
    return folder;
  });
}

function isTop(folder: string): boolean {
  return folder === '.' || folder === '/';
}

function asPrefix(folder: string): string {
  return folder === '.' ? '' : `${folder}/`.replace('//', '/');
}
