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
  of(task: TaskId): Remembered | undefined;
}

export function memoryOf({ tasks }: SettledPlan, { file, changed }: Inspection): Memory {
  const moved = new Set(changed);
  const storeMoved = changed.some((entry) => file.kinds[entry] === KIND.store);
  const remembered = new Map(
    tasks.map(({ task, product, sources, views }): [TaskId, Remembered] => [
      task.id,
      {
        product,
        sameSources: !sources.some((entry) => moved.has(entry)),
        isSure: !storeMoved && !views.some((entry) => moved.has(entry)),
      },
    ]),
  );
  return { of: (task) => remembered.get(task) };
}
