/**
 * What an earlier run of the same plan made, and which of it a look at the files left standing. Pure.
 */
import type { TaskId } from '../event.ts';
import type { Inspection } from './settled.ts';
import { KIND } from './settled-file.ts';
import type { Product, SettledPlan } from './settled-tasks.ts';

export interface Remembered {
  readonly product: Product;
  /** The task would read the same files with the same content. */
  readonly sameSources: boolean;
  /** The product is in the store, and its views are as they were left. */
  readonly isSure: boolean;
}

export interface Memory {
  /** The run whose tasks are remembered. */
  readonly runId: string;
  /** Keys of all tasks, one a line. */
  readonly keys: string;
  of(task: TaskId): Remembered | undefined;
  /** Whether nothing of the task itself moved, which takes no look at what it made. */
  stands(task: TaskId): boolean;
  costMs(task: TaskId): number | undefined;
  /** In a topological order: tasks of which something moved, and all that lies below them. */
  readonly open: readonly TaskId[];
  /** Whether a file is known not to be what it was. */
  hasMoved(path: string): boolean;
}

export function memoryOf(plan: SettledPlan, { file, changed }: Inspection): Memory {
  const moved = new Uint8Array(file.count);
  for (const entry of changed) moved[entry] = 1;
  const isStored = (kind: number | undefined) => kind === KIND.store || kind === KIND.young;
  const storeMoved = changed.some((entry) => isStored(file.kinds[entry]));
  const isMoved = (entry: number) => moved[entry] === 1;
  const sameSources = (rank: number) => !plan.sources(rank).some(isMoved);
  const isSure = (rank: number) => !storeMoved && !plan.views(rank).some(isMoved);
  const stands = (rank: number) => sameSources(rank) && isSure(rank);
  const paths = new Set(changed.map((entry) => file.paths[entry] as string));
  return {
    runId: file.head.runId,
    get keys() {
      return plan.keys.toString('latin1');
    },
    of(task) {
      const rank = plan.rank(task);
      if (rank === undefined) return undefined;
      return { product: plan.product(rank), sameSources: sameSources(rank), isSure: isSure(rank) };
    },
    stands(task) {
      const rank = plan.rank(task);
      return rank !== undefined && stands(rank);
    },
    costMs(task) {
      const rank = plan.rank(task);
      return rank === undefined ? undefined : plan.costMs(rank);
    },
    open: openOf(plan, stands),
    hasMoved: (path) => paths.has(path),
  };
}

function openOf(plan: SettledPlan, stands: (rank: number) => boolean): TaskId[] {
  const isOpen = new Uint8Array(plan.ids.length);
  const open: TaskId[] = [];
  for (let rank = 0; rank < isOpen.length; rank += 1) {
    const below = plan.upstream(rank).some((each) => isOpen[each] === 1);
    if (!below && stands(rank)) continue;
    isOpen[rank] = 1;
    open.push(plan.ids[rank] as TaskId);
  }
  return open;
}
