/** A model's files are wrong or missing: the user's to mend, so it is printed without a stack. */
export class ModelFileError extends Error {
  readonly file: string;
  readonly hint: string | undefined;
  /** @param hint one sentence that says how to mend it */
  constructor(message: string, file: string, hint?: string) {
    super(`${file}: ${message}${hint ? `\n  hint: ${hint}` : ''}`);
    this.name = 'ModelFileError';
    this.file = file;
    this.hint = hint;
  }
}
