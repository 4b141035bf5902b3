/**
 * A diagnostic as text: place, source line, caret underline, hint. Knows no terminal and no colour.
 */
import type { Diagnostic, SourceRange } from '../diagnostic.ts';

/** The printed form, without a final newline. `sourceText` is the text of `diagnostic.file`. */
export function formatDiagnostic(diagnostic: Diagnostic, sourceText?: string): string {
  const lines = [`${placeOf(diagnostic)}error: ${diagnostic.message} [${diagnostic.code}]`];
  if (diagnostic.range && sourceText !== undefined) {
    lines.push(...excerpt(diagnostic.range, sourceText));
  }
  if (diagnostic.hint !== undefined) lines.push(`  hint: ${diagnostic.hint}`);
  return lines.join('\n');
}

/** All diagnostics, a blank line between them; `read` gives the text of a file or undefined. */
export function formatDiagnostics(
  diagnostics: readonly Diagnostic[],
  read: (file: string) => string | undefined,
): string {
  return diagnostics
    .map((item) => formatDiagnostic(item, item.file && item.range ? read(item.file) : undefined))
    .join('\n\n');
}

function placeOf({ file, range }: Diagnostic): string {
  if (file === undefined) return '';
  return range ? `${file}:${range.line}:${range.column}: ` : `${file}: `;
}

function excerpt(range: SourceRange, sourceText: string): string[] {
  const source = sourceText.split('\n')[range.line - 1]?.replace(/\r$/, '');
  if (source === undefined) return [];
  const number = String(range.line);
  // Tabs are kept in the padding, so that the caret stands under its column in every terminal.
  const padding = source.slice(0, range.column - 1).replace(/[^\t]/g, ' ');
  const carets = '^'.repeat(Math.max(1, range.endColumn - range.column));
  return [`  ${number} | ${source}`, `  ${' '.repeat(number.length)} | ${padding}${carets}`];
}
