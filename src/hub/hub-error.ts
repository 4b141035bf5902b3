/** A download can't be done as asked: the user's to mend or to try again, so it is printed without a stack. */
export class HubError extends Error {
  readonly hint: string | undefined;
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'HubError';
    this.hint = hint;
  }
}

/** The Hub's refusals in words; anything else is returned as it is. */
export function explainRefusal(error: unknown, what: string): unknown {
  const status = (error as { statusCode?: unknown }).statusCode;
  if (typeof status !== 'number') return error;
  const cause = { cause: error };
  if (status === 401 || status === 403) {
    return new HubError(
      `the Hub refuses ${what} (${status})`,
      "accept the licence on the model's page, and set HF_TOKEN to a token of that account",
      cause,
    );
  }
  if (status === 404) {
    const hint = 'check the name and the revision; a private model needs HF_TOKEN';
    return new HubError(`the Hub has no ${what} (404)`, hint, cause);
  }
  return new HubError(`the Hub answers ${status} for ${what}`, 'try again later', cause);
}
