/** What the command line asks of the program in this folder; it travels as one JSON argument. */
export interface AskRequest {
  readonly what: 'score' | 'generate';
  /** A folder, or a GGUF file. */
  readonly model: string;
  readonly memory?: string;
  readonly prompts: string;
  /** Default: the standard output. */
  readonly out?: string;
  readonly maxTokens: number;
}
