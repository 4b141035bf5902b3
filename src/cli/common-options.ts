/**
 * Options that several commands share, with one wording each.
 */
import { type CommandOption, type Invocation, UsageError } from './command.ts';

export const fileOption: CommandOption = {
  name: 'file',
  short: 'f',
  type: 'string',
  placeholder: 'FILE',
  summary: 'the pipeline file (default: the nearest pipeline.yaml, upwards)',
};
export const setOption: CommandOption = {
  name: 'set',
  type: 'string',
  multiple: true,
  placeholder: 'PATH=VALUE',
  summary: 'override a value, e.g. params.topK=50 or stages.train.params.epochs=1',
};
export const whereOption: CommandOption = {
  name: 'where',
  type: 'string',
  multiple: true,
  placeholder: 'AXIS=LABEL',
  summary: 'only the cells with this label, e.g. model=neox-mini',
};
export const jsonOption: CommandOption = {
  name: 'json',
  type: 'boolean',
  summary: 'newline-delimited JSON on stdout',
};
export const planOptions = [fileOption, setOption, whereOption] as const;

/** `--where model=a --where candidate=doc` as axis → label. */
export function whereOf(invocation: Invocation): { readonly [axis: string]: string } {
  return Object.fromEntries(
    invocation.texts('where').map((text) => {
      const at = text.indexOf('=');
      if (at < 1) {
        throw new UsageError(
          `--where ${text}: expected AXIS=LABEL`,
          'for example --where model=neox-mini',
        );
      }
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

/** A whole number of at least 1, or undefined where the option is absent. */
export function countOf(invocation: Invocation, name: string): number | undefined {
  const text = invocation.text(name);
  if (text === undefined) return undefined;
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) {
    throw new UsageError(`--${name} ${text}: expected a whole number of at least 1`);
  }
  return count;
}
