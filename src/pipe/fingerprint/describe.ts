/**
 * Asks stage bundles what they declare, in one child process: their code never runs in ours. Knows
 * no cache.
 */
import { spawn } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import type { Json, JsonObject } from '../json.ts';
import type { Extendable, InputDeclaration, OutputDeclaration } from '../stage.ts';

export interface StageDescription {
  readonly description: string;
  /** JSON Schema. */
  readonly params: JsonObject;
  readonly extendable?: Extendable;
  readonly inputs: { readonly [name: string]: InputDeclaration };
  readonly outputs: { readonly [name: string]: OutputDeclaration };
}

/** What importing a bundle gave: the JSON of its default export, or why there is none. */
export type Described =
  | { readonly kind: 'declared'; readonly declaration: Json }
  | { readonly kind: 'no-default' }
  | { readonly kind: 'threw'; readonly message: string; readonly stack: string };

// Written as text because it runs alone: this program may itself be one bundled file.
const CHILD = `
const described = [];
for (const url of process.argv.slice(1)) {
  try {
    const module = await import(url);
    const stage = module.default;
    described.push(stage === null || typeof stage !== 'object'
      ? { kind: 'no-default' }
      : { kind: 'declared', declaration: JSON.parse(JSON.stringify({ ...stage, run: typeof stage.run })) });
  } catch (error) {
    const isError = error instanceof Error;
    described.push({ kind: 'threw', message: isError ? error.message : String(error), stack: isError ? String(error.stack) : '' });
  }
}
process.send(described, () => process.exit(0));
`;

/** In the order of `bundles` (absolute paths). A bundle that cannot be imported is told, not thrown. */
export function describeBundles(bundles: readonly string[], root: string): Promise<Described[]> {
  const urls = bundles.map((bundle) => pathToFileURL(bundle).href);
  const { PATH = '', HOME = '' } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ['--enable-source-maps', '--input-type=module', '--eval', CHILD, ...urls],
      { cwd: root, env: { PATH, HOME }, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] },
    );
    let described: Described[] | undefined;
    let talk = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      talk += text;
    });
    child.on('message', (message) => {
      described = message as Described[];
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (described !== undefined) resolve(described);
      else
        reject(
          new Error(`importing the stages ended with ${signal ?? `exit code ${code}`}\n${talk}`),
        );
    });
  });
}
