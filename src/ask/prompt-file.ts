/**
 * The lines of a prompts file: `{context, continuation}` to score, `{context}` to go on from, and an
 * `id` that is handed through. Everything that is wrong is found before a model is loaded. Pure.
 */
export interface PromptLine {
  /** From 1. */
  readonly line: number;
  readonly id?: string | number;
  readonly context: string;
  readonly continuation?: string;
}

/** The lines of the file that are wrong, each with its place; printed without a stack. */
export class PromptFileError extends Error {}

const MOST_COMPLAINTS = 20;

/**
 * @param file its name, for messages
 * @throws PromptFileError that names every bad line (the first twenty)
 */
export function parsePrompts(
  text: string,
  file: string,
  { continuations }: { readonly continuations: boolean },
): PromptLine[] {
  const complaints: string[] = [];
  const prompts = text.split('\n').flatMap((content, index) => {
    if (content.trim() === '') return [];
    const prompt = parseLine(content, index + 1, continuations);
    if (typeof prompt !== 'string') return [prompt];
    complaints.push(`${file}:${index + 1}: ${prompt}`);
    return [];
  });
  if (complaints.length > 0) throw new PromptFileError(summary(complaints));
  if (prompts.length === 0) throw new PromptFileError(`${file}: holds no line`);
  return prompts;
}

function summary(complaints: readonly string[]): string {
  const shown = complaints.slice(0, MOST_COMPLAINTS).join('\n');
  const more = complaints.length - MOST_COMPLAINTS;
  return more > 0 ? `${shown}\nand ${more} more bad lines` : shown;
}

/** The prompt, or what is wrong with the line. */
function parseLine(content: string, line: number, scored: boolean): PromptLine | string {
  const value = parseJson(content);
  if (typeof value === 'string') return value;
  const { id, context, continuation } = value;
  if (typeof context !== 'string') return `"context" must be a text, found ${shown(context)}`;
  if (id !== undefined && typeof id !== 'string' && typeof id !== 'number') {
    return `"id" must be a text or a number, found ${shown(id)}`;
  }
  const prompt = { line, ...(id === undefined ? {} : { id }), context };
  if (!scored) return prompt;
  if (typeof continuation !== 'string') {
    return `"continuation" must be a text, found ${shown(continuation)}`;
  }
  return continuation === ''
    ? '"continuation" is empty: it has no likelihood'
    : { ...prompt, continuation };
}

function parseJson(content: string): Readonly<Record<string, unknown>> | string {
  try {
    const value: unknown = JSON.parse(content);
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
    return `is no JSON object; expected {"context": …}`;
  } catch (error) {
    return `is not JSON (${(error as Error).message.replace(/\p{Cc}/gu, '·')})`;
  }
}

function shown(value: unknown): string {
  return value === undefined ? 'none' : JSON.stringify(value).slice(0, 40);
}
