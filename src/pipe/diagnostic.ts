/**
 * What is wrong with the user's files, and where. All diagnostics of a run are collected and shown
 * together; this module does not know who found them.
 */

/** A place in a text file. Lines and columns count from 1; `end` is exclusive and on the same line. */
export interface SourceRange {
  readonly line: number;
  readonly column: number;
  readonly endColumn: number;
}

export interface Diagnostic {
  /** Stable, kebab-case, e.g. `unknown-key`, `cycle`, `missing-file`, `bad-type`. */
  readonly code: string;
  /** One sentence that says what is wrong. */
  readonly message: string;
  /** Path of the file at fault, as the user would type it (relative to the project where possible). */
  readonly file?: string;
  readonly range?: SourceRange;
  /** One sentence that says how to mend it. */
  readonly hint?: string;
}

/** Thrown to take the "user's files are wrong" road: printed without a stack, exit code 2. */
export class DiagnosticError extends Error {
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map((item) => item.message).join('\n'));
    this.name = 'DiagnosticError';
    this.diagnostics = diagnostics;
  }
}
