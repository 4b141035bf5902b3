/** How often reporters speak, in milliseconds. */
export const TASK_PROGRESS_EVERY_MS = 10_000;
export const TERMINAL_FRAME_MS = 100;
