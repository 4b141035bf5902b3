/**
 * What is thrown when a data file is not as it should be. Knows no stage and no engine: the caller
 * says through `translateErrors` which error of its own a `DataError` becomes.
 */

export interface Whereabouts {
  hint?: string;
  file?: string;
  line?: number;
}

/** The user's data are wrong; `file` and `line` (from 1) say where, `hint` how to mend it. */
export class DataError extends Error {
  readonly where: Whereabouts;
  constructor(message: string, where: Whereabouts = {}) {
    super(message);
    this.name = 'DataError';
    this.where = where;
  }
}

/** Runs `work`; a `DataError` is thrown again as the caller's own kind, anything else as it is. */
export async function translateErrors<T>(
  Kind: new (message: string, where: Whereabouts) => Error,
  work: () => T | Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof DataError ? new Kind(error.message, error.where) : error;
  }
}
