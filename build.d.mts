/** Builds all of dist/; `fresh` also removes what earlier builds left there. */
export function buildAll(options?: { fresh?: boolean }): Promise<void>;
