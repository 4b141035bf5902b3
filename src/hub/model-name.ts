/** `OWNER/NAME@REVISION`: which model, and exactly which state of it. Pure. */
import { HubError } from './hub-error.ts';

export interface ModelName {
  readonly name: string;
  /** A commit hash, or a branch or tag that is yet to be resolved. */
  readonly revision: string;
}

const EXAMPLE = 'for example EleutherAI/pythia-70m@main';

/** @throws HubError for anything else */
export function parseModelName(text: string): ModelName {
  const [, name, revision] = /^([\w.-]+(?:\/[\w.-]+)?)@([\w./-]+)$/.exec(text) ?? [];
  if (name !== undefined && revision !== undefined) return { name, revision };
  const missing = /^[\w.-]+(?:\/[\w.-]+)?$/.test(text);
  throw new HubError(
    missing ? `${text} names no revision` : `${text} is no name of a model`,
    missing ? `name a commit, or a branch to learn its commit: ${text}@main` : EXAMPLE,
  );
}

export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}
