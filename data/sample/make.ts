/** Writes the embedded sample: `npm run sample`, or with a folder as the argument. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { sampleFiles } from './sample.ts';

const folder = process.argv[2] ?? 'data/sample';
for (const [path, content] of sampleFiles()) {
  const target = join(folder, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, content);
}
