/**
 * A folder of which it is known what was put into it: so it is made, and removed, with few calls. Knows
 * no task.
 */
import { mkdirSync, readdirSync, rmdirSync, rmSync, unlinkSync } from 'node:fs';
import { dirname, sep } from 'node:path';
import { removeFile } from '../store/atomic-file.ts';
import { isAbsence } from '../store/checked-file.ts';
import { isOwnFolder } from '../store/file-stamp.ts';

export class Scratch {
  /** Absolute. */
  readonly root: string;
  /** In the order in which they were made. */
  readonly #folders = new Set<string>();
  readonly #files: string[] = [];

  constructor(root: string) {
    this.root = root;
    makeFolder(root);
    this.#folders.add(root);
  }

  /** Makes the folder and those above it; `path` lies in the root. */
  folder(path: string): void {
    if (this.#folders.has(path)) return;
    this.folder(dirname(path));
    mkdirSync(path);
    this.#folders.add(path);
  }

  /** Tells of a file that was, or will be, put there. */
  file(path: string): void {
    this.#files.push(path);
  }

  remove(): void {
    try {
      this.#removeKnown();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      removeTree(this.root); // there is more, or less, than we put there
    }
  }

  /** A command may have put links where our folders were: what lies behind them is not ours to remove. */
  #removeKnown(): void {
    const folders = [...this.#folders];
    const within = new Set([...folders.slice(1), ...this.#files].map((path) => dirname(path)));
    if (![...within].every(isOwnFolder)) {
      removeTree(this.root);
      return;
    }
    for (const file of this.#files) removeFile(file);
    for (const folder of folders.reverse()) rmdirSync(folder);
  }
}

/** What is there already was left by a dead process, whose number ours has now. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') removeTree(path);
    else if (!isAbsence(error)) throw error;
    mkdirSync(path, { recursive: true });
  }
}

/** Node's own way looks at each file by itself: for the few files of most tasks that takes longer than their making. */
function removeTree(folder: string): void {
  try {
    removeFolder(folder);
  } catch {
    // Something is in the way (rights, a file that comes while we look): the thorough way says what.
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function removeFolder(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}${sep}${entry.name}`;
    if (entry.isDirectory()) removeFolder(path);
    else unlinkSync(path);
  }
  rmdirSync(folder);
}
