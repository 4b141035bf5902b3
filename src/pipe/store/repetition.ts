/**
 * A run in which nothing had changed, as one line: `<runId> <start> <wallMs> <run that it repeats>`.
 * Whole records of such runs would say the same thousand times. Knows no file.
 */
export interface Repetition {
  readonly runId: string;
  /** The run whose tasks were all found again. */
  readonly of: string;
  readonly startedAt: Date;
  readonly wallMs: number;
}

/** One small append, which no other tears. */
export function repetitionLine({ runId, of, startedAt, wallMs }: Repetition): string {
  return `${runId} ${startedAt.toISOString()} ${wallMs} ${of}\n`;
}

const LINE = /^(\d{8}T\d{9}-\w{4}) (\S+Z) (\d+) (\S+)$/;

/** Lines that are not whole are no runs. */
export function repetitionsIn(text: string): Repetition[] {
  return text.split('\n').flatMap((line) => {
    const [, runId, at = '', wallMs, of] = LINE.exec(line) ?? [];
    if (runId === undefined || of === undefined) return [];
    return [{ runId, of, startedAt: new Date(at), wallMs: Number(wallMs) }];
  });
}
