/** Diagnostics with the source lines they speak of, read from the files they name. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { formatDiagnostics } from '../pipe/config/print-diagnostic.ts';
import type { Diagnostic } from '../pipe/diagnostic.ts';

const LARGEST_EXCERPT_BYTES = 16 * 2 ** 20;

export function diagnosticsText(diagnostics: readonly Diagnostic[]): string {
  return formatDiagnostics(diagnostics, (file) => sourceText(process.cwd(), file));
}

/** Diagnostics name files relative to the project, which is this folder or one above it. */
function sourceText(folder: string, file: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const path = file.startsWith('/') ? file : join(at, file);
    if (existsSync(path) && statSync(path).isFile()) {
      return statSync(path).size <= LARGEST_EXCERPT_BYTES ? readFileSync(path, 'utf8') : undefined;
    }
    if (at === dirname(at)) return undefined;
  }
}
