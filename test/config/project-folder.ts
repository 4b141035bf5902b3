/** A temporary project folder for one test, removed afterwards. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { formatDiagnostics } from '../../src/pipe/config/print-diagnostic.ts';
import { DiagnosticError } from '../../src/pipe/diagnostic.ts';

/** The temporary folder as an absolute path, or from wherever the tests run. */
const FOLDER = /(?:\.\.\/|\/)[\w./-]*pipe-test-\w+\//g;

export type Files = { readonly [path: string]: string | Uint8Array };

/** Writes the files and returns the folder. */
export function projectFolder(files: Files): string {
  const root = mkdtempSync(join(tmpdir(), 'pipe-test-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  writeFiles(root, files);
  return root;
}

export function writeFiles(root: string, files: Files): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

/** The printed diagnostics that `action` throws, as a user sees them. */
export async function printedProblems(source: string, action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    const read = (file: string) => (file.endsWith('pipeline.yaml') ? source : undefined);
    // Where the temporary folder lies is no part of the text.
    return formatDiagnostics(error.diagnostics, read).replaceAll(FOLDER, '');
  }
  throw new Error('expected a DiagnosticError');
}

/** Text without the indentation of its first line, so that YAML can stand inside code. */
export function dedent(text: string): string {
  const lines = text.replace(/^\n/, '').split('\n');
  const indent = /^ */.exec(lines[0]!)![0].length;
  return lines
    .map((line) => line.slice(indent))
    .join('\n')
    .trimEnd();
}
