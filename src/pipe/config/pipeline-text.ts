/** Types only: a pipeline file before it is understood. */

export interface PipelineText {
  readonly bytes: Uint8Array;
  /** As the user would type it. */
  readonly file: string;
  /** Absolute. */
  readonly path: string;
  readonly root: string;
  /** `path=value`, as given with `--set`. */
  readonly sets: readonly string[];
}
