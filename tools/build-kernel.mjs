/**
 * Compiles src/tensor/kernel/kernel.as (AssemblyScript) and writes its bytes to kernel-bytes.ts, once
 * for a heap of its own thread and once for a shared one. Needs the package `assemblyscript`; the
 * product needs only what this writes. Same input, same bytes.
 *
 *     npm install --no-save assemblyscript@0.28.20 && node tools/build-kernel.mjs
 *
 * ASC may name the compiler's dist/asc.js elsewhere.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = join(fileURLToPath(import.meta.url), '..', '..', 'src', 'tensor', 'kernel');
const asc = await import(process.env.ASC ?? 'assemblyscript/asc');
const source = readFileSync(join(folder, 'kernel.as'), 'utf8');

const options = ['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--importMemory'];
const plain = await compile(['--enable', 'simd']);
const shared = await compile([
  ...['--enable', 'simd', '--enable', 'threads', '--sharedMemory'],
  ...['--initialMemory', '1', '--maximumMemory', '65536'],
]);
writeFileSync(join(folder, 'kernel-bytes.ts'), moduleText({ plain, shared }));
process.stdout.write(`plain ${plain.length} bytes, shared ${shared.length} bytes\n`);

async function compile(more) {
  let bytes;
  const { error, stderr } = await asc.main(
    ['kernel.ts', '--outFile', 'kernel.wasm', ...options, ...more],
    {
      readFile: (name) => (name === 'kernel.ts' ? source : null),
      writeFile: (_name, content) => {
        bytes = content;
      },
      listFiles: () => [],
    },
  );
  if (error) throw new Error(stderr.toString());
  return bytes;
}

function moduleText({ plain, shared }) {
  const digest = createHash('sha256').update(source).digest('hex');
  return `/**
 * Written by tools/build-kernel.mjs from kernel.as. Do not edit.
 *
 * SHA-256 of kernel.as: ${digest}
 */

/** For the heap of one thread. */
export const PLAIN_KERNEL =
  '${Buffer.from(plain).toString('base64')}';

/** For a heap that threads share. */
export const SHARED_KERNEL =
  '${Buffer.from(shared).toString('base64')}';
`;
}
