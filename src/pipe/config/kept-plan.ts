/**
 * What an earlier run worked out of the same question (a parsed pipeline, checked params), kept in
 * the cache so that an unchanged plan costs neither a YAML parser nor a schema compiler. Losing it
 * loses nothing. Knows no parser.
 */
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { digestOf } from '../digest.ts';
import { canonicalJson, type Json } from '../json.ts';
import { readChecked, writeChecked } from '../store/checked-file.ts';

/** Raised when a kept document would be read differently. */
const PLAN_SCHEMA = 2;
/** Every combination of `--set` is a plan of its own: the oldest go when there are more. */
const MOST_KEPT = 100;

/** Where the answer to exactly this question is kept. */
export function keptPlanFile(root: string, kind: string, question: Json): string {
  const digest = digestOf(canonicalJson([PLAN_SCHEMA, kind, question]));
  return join(root, 'cache', 'plan', `${digest}.json`);
}

/** The kept value, or undefined if there is none or it was damaged. */
export function readKeptPlan(file: string): Json | undefined {
  return readChecked(file) as Json | undefined;
}

export function keepPlan(file: string, value: Json): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    dropOldest(dirname(file));
    writeChecked(file, value);
  } catch (error) {
    // A project that cannot be written to can still be planned; it is only slower.
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!['EROFS', 'EACCES', 'EPERM', 'ENOSPC'].includes(code)) throw error;
  }
}

function dropOldest(folder: string): void {
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  if (names.length < MOST_KEPT) return;
  const age = (name: string) =>
    statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const byAge = names.map((name) => ({ name, at: age(name) })).sort((a, b) => a.at - b.at);
  for (const { name } of byAge.slice(0, MOST_KEPT / 2)) rmSync(join(folder, name), { force: true });
}
