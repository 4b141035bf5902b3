/**
 * The parsed pipeline of an earlier run, kept in the cache so that an unchanged file costs neither
 * a YAML parser nor a schema compiler. Losing it loses nothing. Knows no parser.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Digest, digestOf } from '../digest.ts';
import { canonicalJson, type Json } from '../json.ts';

/** Raised when a kept document would be read differently. */
const PLAN_SCHEMA = 1;

/** Where the plan of exactly this question is kept. */
export function keptPlanFile(root: string, kind: string, question: Json): string {
  const digest: Digest = digestOf(canonicalJson([PLAN_SCHEMA, kind, question]));
  return join(root, 'cache', 'plan', `${digest}.json`);
}

/** The kept value, or undefined if there is none or it was damaged. */
export function readKeptPlan(file: string): Json | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  // The first line is the digest of the rest: a torn or edited file is a miss, not a wrong plan.
  const end = text.indexOf('\n');
  const body = text.slice(end + 1);
  return text.slice(0, end) === digestOf(body) ? (JSON.parse(body) as Json) : undefined;
}

export function keepPlan(file: string, value: Json): void {
  const body = JSON.stringify(value);
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(temporary, `${digestOf(body)}\n${body}`);
    renameSync(temporary, file);
  } catch (error) {
    // A read-only project can still be planned; it is only slower.
    if (!['EROFS', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error;
  }
}
