/**
 * Writes types/: the declarations of `import … from 'mempipe'`, for the published package. Run by npm
 * before it packs. Only the files that src/api.ts names are in it: the engine's own types stay inside.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = dirname(fileURLToPath(import.meta.url));
const outFolder = join(root, 'types');

export function buildTypes() {
  rmSync(outFolder, { recursive: true, force: true });
  const done = new Set();
  const pending = ['api.ts'];
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    if (done.has(file)) continue;
    done.add(file);
    const text = declarationOf(file);
    const out = join(outFolder, file.replace(/\.ts$/, '.d.ts'));
    mkdirSync(dirname(out), { recursive: true });
    // A declaration stands for the JavaScript beside it.
    writeFileSync(out, text.replace(/(from '\.[^']*)\.ts'/g, "$1.js'"));
    for (const [, path] of text.matchAll(/from '(\.[^']*)'/g)) {
      pending.push(posix.join(posix.dirname(file), path));
    }
  }
}

function declarationOf(file) {
  const { outputText, diagnostics = [] } = ts.transpileDeclaration(
    readFileSync(join(root, 'src', file), 'utf8'),
    {
      fileName: file,
      compilerOptions: { target: ts.ScriptTarget.ES2023 },
      reportDiagnostics: true,
    },
  );
  if (diagnostics.length === 0) return outputText;
  const problems = diagnostics.map(({ messageText }) =>
    ts.flattenDiagnosticMessageText(messageText, '\n'),
  );
  throw new Error(`src/${file}: ${problems.join('\n')}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) buildTypes();
