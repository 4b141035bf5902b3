/**
 * Is the answer of an earlier run still the answer? Looks at every file that decided it, and at
 * nothing else. Loaded on every start: knows neither graph nor store nor reporter.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { contentDigest } from '../store/file-stamp.ts';
import { openLook } from '../store/quick-stat.ts';
import { KIND, readSettled, type SettledFile } from './settled-file.ts';

export interface Question {
  /** The words behind `pipe`, exactly. */
  readonly words: readonly string[];
  /** Absolute path of the pipeline file. */
  readonly file: string;
  readonly conditions: { readonly [name: string]: string };
}

/** How what a settled run relied on differs from what is there now. */
export interface Inspection {
  readonly file: SettledFile;
  /** Entries that are not what they were; empty: the answer stands. */
  readonly changed: readonly number[];
  /** Nothing that the plan was made from changed: the same tasks, perhaps with other inputs. */
  readonly samePlan: boolean;
  /** When the first entry was looked at. */
  readonly atMs: number;
}

/** Entries that only had to be there for a moment; more of them make it worth to settle anew. */
const MOST_PASSING = 16;
const PASSED_MS = 2500;

/** Whether so much was young when it was written down that looking anew saves time from then on. */
export function isOverdue({ head }: SettledFile, nowMs: number): boolean {
  const passing = head.racy.length + head.young;
  return passing > MOST_PASSING && nowMs - head.settledAtMs > PASSED_MS;
}

/** Where the answer to the question is kept, if it was ever asked. */
export function settledPath(projectCache: string, { words, file }: Question): string {
  return join(projectCache, 'plan', `settled-${shortName([...words, file].join('\0'))}.bin`);
}

/** Where its tasks are kept, beside it. */
export function tasksPath(settled: string): string {
  return settled.replace(/\.bin$/, '.tasks');
}

/** Undefined where nothing is known of the question, or it was answered under other conditions. */
export function inspect(
  projectCache: string,
  question: Question,
  environment: { readonly [name: string]: string | undefined },
): Inspection | undefined {
  const file = readSettled(settledPath(projectCache, question));
  if (file === undefined || !isAsked(file, question, environment)) return undefined;
  const atMs = Date.now();
  const changed = changedEntries(file, settledPath(projectCache, question));
  const samePlan = changed.every((entry) => !isPlan(file.kinds[entry] as number));
  return { file, changed, samePlan, atMs };
}

function isAsked(
  { head }: SettledFile,
  { words, file, conditions }: Question,
  environment: { readonly [name: string]: string | undefined },
): boolean {
  return (
    head.file === file &&
    head.words.length === words.length &&
    head.words.every((word, index) => word === words[index]) &&
    Object.keys(conditions).length === Object.keys(head.conditions).length &&
    Object.entries(conditions).every(([name, value]) => head.conditions[name] === value) &&
    Object.entries(head.environment).every(([name, value]) => (environment[name] ?? null) === value)
  );
}

/** Whether nothing but views is not what it was. */
export function isPuttingBack({ file, changed }: Inspection): boolean {
  return changed.every((entry) => file.kinds[entry] === KIND.view);
}

const isPlan = (kind: number) => kind === KIND.plan || kind === KIND.planAbsent;
const isAbsent = (kind: number) => kind === KIND.absent || kind === KIND.planAbsent;

function changedEntries(file: SettledFile, known: string): number[] {
  const { count, kinds, stamps, head } = file;
  const changed: number[] = [];
  const look = openLook(known);
  const { found } = look;
  const here = dirname(head.file) === process.cwd() ? dirname(head.file) + sep : undefined;
  // One path after the other: to have tens of thousands at hand takes longer than to find them anew.
  const paths = file.pathBytes.toString();
  let from = 0;
  for (let entry = 0; entry < count; entry += 1) {
    const begin = from;
    const next = paths.indexOf('\0', begin);
    const end = next < 0 ? paths.length : next;
    from = end + 1;
    const kind = kinds[entry] as number;
    if (kind === KIND.free) continue;
    // The system finds it sooner from here.
    const isNear = here !== undefined && paths.startsWith(here, begin);
    const path = paths.slice(isNear ? begin + here.length : begin, end);
    const isThere = look.at(path, kind !== KIND.view);
    const at = entry * 4;
    if (isThere === isAbsent(kind)) changed.push(entry);
    else if (
      isThere &&
      (found[1] !== stamps[at + 1] ||
        found[3] !== stamps[at + 3] ||
        ((kind <= KIND.source || kind === KIND.view) && found[0] !== stamps[at]) ||
        (kind <= KIND.source && found[2] !== stamps[at + 2]))
    )
      changed.push(entry);
  }
  const gone = new Set(changed);
  for (const [entry, digest] of head.racy) {
    if (gone.has(entry)) continue;
    if (digestNow(file.paths[entry] as string, kinds[entry] as number) !== digest)
      changed.push(entry);
  }
  return changed;
}

/** Of a file's content, or of a folder's entries; nothing equals the digest of what can't be read. */
function digestNow(path: string, kind: number): string {
  try {
    const isFolder = kind === KIND.folder || kind === KIND.viewFolder;
    return contentDigest(
      isFolder ? readdirSync(path, { withFileTypes: true }) : readFileSync(path),
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return 'unreadable';
  }
}

/** Only to find the file: what it holds is compared word by word. */
function shortName(text: string): string {
  let [a, b] = [0xdeadbeef, 0x41c6ce57];
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    a = Math.imul(a ^ unit, 0x9e3779b1);
    b = Math.imul(b ^ unit, 0x5f356495);
  }
  return [a ^ (b >>> 15), b ^ (a >>> 13)]
    .map((half) => (half >>> 0).toString(16).padStart(8, '0'))
    .join('');
}
