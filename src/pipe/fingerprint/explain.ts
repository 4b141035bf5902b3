/**
 * What differs between two fingerprints, in words a user knows. `keyOf` hashes the same document
 * that this walks: two fingerprints with different keys have at least one change. Knows no store.
 */
import { canonicalJson, type Json, type JsonObject } from '../json.ts';
import type { Change, CodePart, RecordsChange } from './change.ts';
import type { CodeFingerprint, Fingerprint, InputFingerprint } from './document.ts';

/** How a user calls what a fingerprint holds without a name. */
export interface ChangeNames {
  /** The stage's code, such as `stages/train.ts`. */
  readonly code: string;
  readonly inputs: InputNames;
  /** The inputs as they were called at the earlier build; as now where that is not known. */
  readonly earlier?: InputNames;
}

/** By input: its single file, its folder (with a `/` at the end) or the outputs it comes from. */
export interface InputNames {
  readonly [input: string]: { readonly name: string; readonly upstream: boolean };
}

/** Listed with the environment, where no variable can have this name. */
const NUMERICS = 'numerics';

const NAMELESS: ChangeNames = { code: 'the stage', inputs: {} };

/** The differences, code first; empty exactly if the keys are equal. `first` if there is no `before`. */
export function explain(
  before: Fingerprint | undefined,
  after: Fingerprint,
  names: ChangeNames = NAMELESS,
): Change[] {
  if (before === undefined) return [{ kind: 'first' }];
  const changes: Change[] = [
    ...scalarChanges(before, after),
    ...codeChanges(before.code, after.code, names.code),
    ...paramChanges(before.params, after.params, ''),
    ...namesOf(before.inputs, after.inputs).flatMap((input) =>
      foldRenamed(
        inputChanges(input, before.inputs[input], after.inputs[input]).map((change) =>
          withNames(change, names),
        ),
      ),
    ),
    ...outputChanges(before, after),
    ...namesOf(before.environment, after.environment).flatMap((name): Change[] => {
      const [was, is] = [before.environment[name], after.environment[name]];
      return was === is ? [] : [{ kind: 'environment', name, before: was, after: is }];
    }),
  ];
  return changes;
}

/** The candidate with the fewest differences; of equals, the last (the latest, if they are in order of time). */
export function nearest<T extends { readonly fingerprint: Fingerprint }>(
  after: Fingerprint,
  candidates: readonly T[],
): T | undefined {
  let best: T | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const count = explain(candidate.fingerprint, after).length;
    if (count <= fewest) {
      best = candidate;
      fewest = count;
    }
  }
  return best;
}

function scalarChanges(before: Fingerprint, after: Fingerprint): Change[] {
  const changes: Change[] = [];
  if (before.schema !== after.schema) {
    changes.push({ kind: 'schema', before: before.schema, after: after.schema });
  }
  if (before.seed !== after.seed) {
    changes.push({ kind: 'seed', before: before.seed, after: after.seed });
  }
  if (before.numerics !== after.numerics) {
    const [was, is] = [before.numerics, after.numerics];
    changes.push({ kind: 'environment', name: NUMERICS, before: was, after: is });
  }
  return changes;
}

function codeChanges(before: CodeFingerprint, after: CodeFingerprint, what: string): Change[] {
  if (before.kind === 'command' || after.kind === 'command') {
    const [was, is] = [commandText(before), commandText(after)];
    return before.kind === after.kind && was === is
      ? []
      : [{ kind: 'command', before: was, after: is }];
  }
  const changes: Change[] = [];
  if (before.bundle !== after.bundle) {
    changes.push({ kind: 'code', what, before: before.bundle, after: after.bundle });
  }
  for (const name of namesOf(before.packages, after.packages)) {
    const [was, is] = [before.packages[name], after.packages[name]];
    if (was !== is) changes.push({ kind: 'package', name, before: was, after: is });
  }
  return changes;
}

function commandText(code: CodeFingerprint): string {
  return code.kind === 'command' ? code.command : `module ${code.bundle}`;
}

/** Descends into mappings, so that a change names the innermost param: `optimizer.learningRate`. */
function paramChanges(before: JsonObject, after: JsonObject, prefix: string): Change[] {
  return namesOf(before, after).flatMap((key): Change[] => {
    const [was, is] = [before[key], after[key]];
    const name = `${prefix}${key}`;
    if (isMapping(was) && isMapping(is)) return paramChanges(was, is, `${name}.`);
    return isSame(was, is) ? [] : [{ kind: 'param', name, before: was, after: is }];
  });
}

function isMapping(value: Json | undefined): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function isSame(a: Json | undefined, b: Json | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return canonicalJson(a) === canonicalJson(b);
}

type InputChange = Extract<Change, { kind: 'input' }>;

/** Files are matched by name; those without one (a single file) by position. */
function inputChanges(
  input: string,
  before: readonly InputFingerprint[] | undefined,
  after: readonly InputFingerprint[] | undefined,
): InputChange[] {
  const was = byName(before ?? []);
  const is = byName(after ?? []);
  const changes: InputChange[] = [];
  for (const name of new Set([...was.keys(), ...is.keys()])) {
    const [old, now] = [was.get(name), is.get(name)];
    if (old?.digest === now?.digest && old?.executable === now?.executable) continue;
    changes.push({
      kind: 'input',
      input,
      file: (now ?? old)!.name ?? '',
      how: howChanged(old, now),
      ...(old === undefined ? {} : { before: old.digest }),
      ...(now === undefined ? {} : { after: now.digest }),
    });
  }
  if (changes.length > 0 || isSame(before as Json | undefined, after as Json | undefined)) {
    return changes;
  }
  // The same files in another order (which is content), or an input without files came or went.
  const how = howChanged(before, after);
  return [{ kind: 'input', input, file: '', how: how === 'edited' ? 'reordered' : how }];
}

function howChanged(before: unknown, after: unknown): InputChange['how'] {
  if (before === undefined) return 'added';
  return after === undefined ? 'removed' : 'edited';
}

/** What went away is called as it was called then: its name may count from another folder now. */
function withNames(change: InputChange, { inputs, earlier }: ChangeNames): InputChange {
  const now = inputs[change.input];
  const then = earlier?.[change.input] ?? now;
  const { name = '', upstream = false } = (change.how === 'removed' ? then : (now ?? then)) ?? {};
  const how = upstream && change.how === 'edited' ? 'changed' : change.how;
  const was = fullName(change.file, then?.name ?? name);
  const file = fullName(change.file, name);
  const isAnother = was !== file && (how === 'edited' || how === 'changed');
  return { ...change, how, file, ...(isAnother ? { was } : {}) };
}

/** A file that came and went is one file, whose name counts from another folder now. */
function foldRenamed(changes: readonly InputChange[]): InputChange[] {
  const gone = new Map(
    changes.filter(({ how }) => how === 'removed').map((each) => [each.file, each]),
  );
  const folded = changes.flatMap((change): InputChange[] => {
    const { before } = (change.how === 'added' && gone.get(change.file)) || {};
    if (before === undefined) return [change];
    gone.delete(change.file);
    return [{ ...change, before, how: before === change.after ? 'renamed' : 'edited' }];
  });
  return folded.filter((change) => change.how !== 'removed' || gone.has(change.file));
}

function fullName(file: string, name: string): string {
  if (file === '' || name === '') return file || name;
  return name.endsWith('/') ? `${name}${file}` : `${name} (${file})`;
}

function byName(files: readonly InputFingerprint[]): Map<string, InputFingerprint> {
  return new Map(files.map((file, index) => [file.name ?? `\0${index}`, file]));
}

function outputChanges(before: Fingerprint, after: Fingerprint): Change[] {
  const [was, is] = [before.outputs, after.outputs];
  return isSame(was, is) ? [] : [{ kind: 'outputs', before: was, after: is }];
}

function namesOf(a: { readonly [name: string]: unknown }, b: { readonly [name: string]: unknown }) {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
}

// --- Words ---

/** One line, without a full stop, such as `param topK: 100 → 50`. */
export function describeChange(change: Change): string {
  switch (change.kind) {
    case 'first':
      return 'never built before';
    case 'forced':
      return 'forced';
    case 'goes-on':
      return `it goes on from the finished run with ${change.param} ${change.from}`;
    case 'checked':
      return 'it is checked';
    case 'outputs-lost':
      return 'its outputs are missing from the store or damaged';
    case 'param':
      return `param ${change.name}: ${shown(change.before)} → ${shown(change.after)}`;
    case 'code':
      return `code of ${change.what} changed${partsText(change.parts ?? [])}`;
    case 'package':
      return `package ${change.name}: ${change.before ?? 'not used'} → ${change.after ?? 'not used'}`;
    case 'command':
      return `command: ${change.before} → ${change.after}`;
    case 'input':
      return `input ${change.input}: ${fileText(change)}${recordsText(change.records)}`;
    case 'environment':
      return `${change.name === NUMERICS ? 'numerics (backend and device)' : `environment ${change.name}`}: ${change.before ?? 'unset'} → ${change.after ?? 'unset'}`;
    case 'seed':
      return `seed: ${change.before} → ${change.after}`;
    case 'outputs':
      return `declared outputs: ${shown(change.before)} → ${shown(change.after)}`;
    case 'schema':
      return `pipe itself changed what it gives to tasks (${change.before} → ${change.after})`;
  }
}

function fileText({ file, how, was }: InputChange): string {
  if (was !== undefined) return `${was} → ${file}`;
  return file === '' ? how : `${file} ${how}`;
}

function partsText(parts: readonly CodePart[]): string {
  const texts = parts.map(({ module, how, line }) =>
    how === 'edited' ? `${module}${line === undefined ? '' : `:${line}`}` : `${module} ${how}`,
  );
  return texts.length === 0 ? '' : `: ${texts.join(', ')}`;
}

/** `, line 12 edited: {"id":7,…` or `, 3 lines edited, 1 added: line 12 edited: …`. */
function recordsText(records: RecordsChange | undefined): string {
  const [first] = records?.first ?? [];
  if (records === undefined || first === undefined) return '';
  const text = first.text === undefined ? '' : `: ${first.text}`;
  const place = `${records.unit} ${first.at} ${first.how}${text}`;
  const counts = (['edited', 'added', 'removed'] as const)
    .filter((how) => records[how] > 0)
    .map((how, index) => {
      const count = records[how];
      const units = index > 0 ? '' : `${unitText(records.unit, count)} `;
      return `${count} ${units}${how}`;
    });
  const isOne = records.edited + records.added + records.removed === 1;
  return isOne ? `, ${place}` : `, ${counts.join(', ')}; first ${place}`;
}

function unitText(unit: RecordsChange['unit'], count: number): string {
  if (count === 1) return unit;
  return unit === 'entry' ? 'entries' : `${unit}s`;
}

const LONGEST_SHOWN = 60;

function shown(value: Json | undefined): string {
  if (value === undefined) return 'unset';
  const text = JSON.stringify(value);
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN - 1)}…` : text;
}
