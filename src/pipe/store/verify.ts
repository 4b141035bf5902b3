/**
 * Looks at every byte of a store: are the blobs what their names say, are all records whole, does
 * each result have its blobs? Repairs by removing what is bad, so that the next run makes it anew.
 * Knows no pipeline.
 */
import { chmodSync, lstatSync, rmSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Digest, Key } from '../digest.ts';
import { writeAtomic } from './atomic-file.ts';
import { type Census, type StoredTrace, takeCensus } from './census.ts';
import { readChecked } from './checked-file.ts';
import { loadState } from './checkpoint.ts';
import { hashFile, xxhash } from './hash-file.ts';
import { inspectMemo } from './memo.ts';
import { namesIn } from './names-in.ts';
import { presentBuilds } from './presence.ts';
import type { Store } from './store.ts';

export type ProblemKind = 'corrupt' | 'missing' | 'torn';

export interface Problem {
  readonly kind: ProblemKind;
  readonly what: 'blob' | 'result' | 'memo' | 'checkpoint' | 'file';
  readonly path: string;
  /** In words: which results suffer, or what is lost. */
  readonly means: string;
  readonly repaired: boolean;
}

export interface VerifyReport {
  readonly checked: {
    readonly blobs: number;
    readonly bytes: number;
    readonly results: number;
    readonly memos: number;
    readonly checkpoints: number;
    readonly files: number;
  };
  readonly problems: readonly Problem[];
  /** Blobs that no result names: no harm, `gc` removes them. */
  readonly orphans: number;
}

export interface VerifyOptions {
  readonly repair: boolean;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  /** Of files with a form of their own; undefined for a file that has no such form. */
  readonly isSound?: (path: string) => boolean | undefined;
}

export async function verifyStore(store: Store, options: VerifyOptions): Promise<VerifyReport> {
  const census = takeCensus(store);
  const verifier = new Verifier(store, census, options);
  await verifier.blobs();
  verifier.results();
  const memos = await verifier.memos();
  const checkpoints = verifier.checkpoints();
  const files = verifier.files();
  const named = new Set(census.traces.flatMap(({ blobs }) => [...blobs]));
  return {
    checked: {
      blobs: census.blobs.size,
      bytes: totalBytes(census),
      results: census.traces.length,
      memos,
      checkpoints,
      files,
    },
    problems: verifier.problems,
    orphans: [...census.blobs.keys()].filter((digest) => !named.has(digest)).length,
  };
}

const OF_OTHER_KINDS = ['blobs', 'traces', 'scratch', 'logs', 'memo', 'checkpoints', 'locks'];

function totalBytes({ blobs }: Census): number {
  return [...blobs.values()].reduce((sum, { bytes }) => sum + bytes, 0);
}

class Verifier {
  readonly problems: Problem[] = [];
  readonly #store: Store;
  readonly #census: Census;
  readonly #options: VerifyOptions;
  readonly #bad = new Set<Digest>();

  constructor(store: Store, census: Census, options: VerifyOptions) {
    this.#store = store;
    this.#census = census;
    this.#options = options;
  }

  async blobs(): Promise<void> {
    const total = totalBytes(this.#census);
    let done = 0;
    for (const [digest, { bytes }] of this.#census.blobs) {
      if (!(await this.#isSound(digest))) {
        this.#bad.add(digest);
        const means = this.#sufferers(digest);
        this.#found('corrupt', 'blob', this.#store.blobs.path(digest), means, () =>
          discard(this.#store, digest),
        );
      }
      done += bytes;
      this.#options.onProgress?.(done, total);
    }
  }

  results(): void {
    for (const stored of this.#census.traces) {
      const remove = () => rmSync(stored.path, { force: true });
      if (stored.trace === undefined) {
        this.#found('torn', 'result', stored.path, `key ${shortKey(stored.key)}`, remove);
        continue;
      }
      const lost = stored.lost.filter((digest) => !this.#bad.has(digest));
      const corrupt = [...stored.blobs].filter((digest) => this.#bad.has(digest));
      if (lost.length + corrupt.length === 0) continue;
      const means = `${nameOf(stored)} lacks ${[...lost, ...corrupt].map(shortKey).join(', ')}`;
      this.#found('missing', 'result', stored.path, means, remove);
    }
  }

  async memos(): Promise<number> {
    const { memo } = this.#store.layout;
    const paths = namesIn(memo).flatMap((code) =>
      namesIn(join(memo, code)).map((name) => join(memo, code, name)),
    );
    // A running build may be in the middle of a record, and appends to the file that it has open.
    const isBusy = presentBuilds(this.#store.layout.presence).length > 0;
    for (const path of paths) {
      const inspection = inspectMemo(path, await xxhash());
      if (inspection.damagedBytes === 0) continue;
      const means = `${inspection.damagedBytes} bytes of no record; ${inspection.records} records are whole`;
      const repair = isBusy ? undefined : () => writeAtomic(path, inspection.whole());
      this.#found('torn', 'memo', path, means, repair);
    }
    return paths.length;
  }

  checkpoints(): number {
    const { checkpoints } = this.#store.layout;
    const folders = namesIn(checkpoints).map((name) => join(checkpoints, name));
    const states = folders.map((each) => join(each, 'state')).filter(exists);
    for (const path of states) {
      if (loadState(path) !== undefined) continue;
      this.#found('torn', 'checkpoint', path, 'its task begins anew', () => rmSync(path));
    }
    return states.length;
  }

  files(): number {
    const { index, pins, projects } = this.#store.layout;
    const own = dirname(index);
    // Indexes, records, kept plans, declarations: whatever is kept as JSON has its check in itself.
    const inside = namesIn(own).filter((name) => !OF_OTHER_KINDS.includes(name));
    const folders = [...inside.map((name) => join(own, name)), pins, projects];
    const paths = [...new Set(folders)].flatMap((folder) => {
      const names = namesIn(folder).filter((name) => /\.(?:json|bin)$/.test(name));
      return names.map((name) => join(folder, name));
    });
    for (const path of paths) {
      const isSound = this.#options.isSound?.(path) ?? readChecked(path) !== undefined;
      if (isSound || !exists(path)) continue;
      this.#found('torn', 'file', path, 'reads as absent', () => rmSync(path, { force: true }));
    }
    return paths.length;
  }

  async #isSound(digest: Digest): Promise<boolean> {
    const path = this.#store.blobs.path(digest);
    try {
      return (await hashFile(path)).digest === digest;
    } catch (error) {
      if (!exists(path)) return true; // removed meanwhile by someone who cleans
      throw error;
    }
  }

  #sufferers(digest: Digest): string {
    const holders = this.#census.traces.filter(({ blobs }) => blobs.has(digest));
    return holders.length === 0
      ? 'no result names it'
      : `part of ${holders.map(nameOf).join(', ')}`;
  }

  #found(
    kind: ProblemKind,
    what: Problem['what'],
    path: string,
    means: string,
    repair: (() => void) | undefined,
  ): void {
    const repaired = this.#options.repair && repair !== undefined;
    if (repaired) repair();
    this.problems.push({ kind, what, path, means, repaired });
  }
}

/**
 * A view in artifacts/ may be the same file. Its time is moved before the name goes, so that the
 * next run sees that the view is not what was put there, and puts a sound one in its place.
 */
function discard(store: Store, digest: Digest): void {
  const path = store.blobs.path(digest);
  chmodSync(path, 0o644);
  utimesSync(path, new Date(0), new Date(0));
  rmSync(path, { force: true });
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

const shortKey = (digest: Digest | Key) => digest.slice(0, 12);

function nameOf({ key, trace }: StoredTrace): string {
  return `${trace?.provenance.task ?? 'a result'} (${shortKey(key)})`;
}
