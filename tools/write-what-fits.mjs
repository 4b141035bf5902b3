/**
 * Writes the table in docs/what-fits.md anew, between its two marks. `node tools/write-what-fits.mjs`
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bundle = join(root, 'dist', 'what-fits.mjs');
const entry = `export { fitTable } from './src/lm/fit.ts'; export { memoryBlocks } from './src/memory/blocks.ts';`;
await build({
  stdin: { contents: entry, resolveDir: root, loader: 'ts' },
  ...{ bundle: true, platform: 'node', format: 'esm', outfile: bundle, logLevel: 'warning' },
});
try {
  const { fitTable, memoryBlocks } = await import(pathToFileURL(bundle).href);
  const file = join(root, 'docs', 'what-fits.md');
  const [before, , after] = readFileSync(file, 'utf8').split(/<!-- (?:table|end) -->/);
  const table = fitTable((layers) => memoryBlocks(layers).from);
  writeFileSync(file, `${before}<!-- table -->\n${table}\n<!-- end -->${after}`);
} finally {
  rmSync(bundle, { force: true });
}
