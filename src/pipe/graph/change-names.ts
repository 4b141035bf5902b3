/**
 * What a task's user calls its code and its inputs: fingerprints hold no names, because a name is no
 * content. Knows no fingerprint's values.
 */
import type { ChangeNames } from '../fingerprint/explain.ts';
import { globBase, isGlob } from './source.ts';
import type { Task, TaskInput } from './task.ts';

export function changeNames({ stage, inputs }: Task): ChangeNames {
  return {
    code: stage.body.kind === 'module' ? stage.body.use : 'its command',
    inputs: Object.fromEntries(inputs.map((input) => [input.name, nameOf(input)])),
  };
}

function nameOf(input: TaskInput): string {
  if (input.kind === 'upstream') {
    const outputs = input.from.map(({ task, output }) => `${task.replace(/@.*/, '')}.${output}`);
    return [...new Set(outputs)].join(', ');
  }
  const [pattern, ...others] = input.patterns;
  // The names of several patterns count from their common folder, which is not worth spelling out.
  if (pattern === undefined || others.length > 0) return '';
  if (isGlob(pattern)) return `${globBase(pattern)}/`.replace(/^\.\/$/, '');
  return input.shape === 'folder' ? `${pattern}/` : pattern;
}
