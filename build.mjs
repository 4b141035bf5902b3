/**
 * Bundles the command line, the task host, the backend probe and `pipe lm`'s programs into dist/. Plain JavaScript, since
 * Node 20 can't run TypeScript and this is what turns TypeScript into something it can run.
 * `dist/stamp.json` lists the sources, so that bin/pipe.cjs notices when they changed.
 */
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(fileURLToPath(import.meta.url));
const outFolder = join(root, 'dist');

// CommonJS packages call require() for Node's own modules; an ESM bundle has none of its own.
const requireShim =
  "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);";

/** What starts first is CommonJS, since Node's loader of modules takes longer to start than to look. */
const quick = {
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  minify: true,
  define: { 'import.meta.dirname': '__dirname', 'import.meta.filename': '__filename' },
};

/** The schema of pipeline files as ajv compiles it, so that no start does; see `pipeline-validator.ts`. */
const validatorPlugin = () => {
  let code;
  return {
    name: 'validator',
    setup({ onLoad }) {
      onLoad({ filter: /[/\\]pipeline-validator\.ts$/ }, async ({ path }) => {
        code ??= validatorCode(join(dirname(path), 'schema.ts')); // three bundles ask for it
        return { contents: await code, loader: 'js', resolveDir: dirname(path) };
      });
    },
  };
};

async function validatorCode(schemaFile) {
  const options = { entryPoints: [schemaFile], bundle: true, format: 'esm', write: false };
  const [{ Ajv }, { default: standalone }, schema] = await Promise.all([
    import('ajv'),
    import('ajv/dist/standalone/index.js'),
    build(options),
  ]);
  const source = Buffer.from(schema.outputFiles[0].contents).toString('base64');
  const { pipelineSchema, SCHEMA_OPTIONS } = await import(`data:text/javascript;base64,${source}`);
  const ajv = new Ajv({ ...SCHEMA_OPTIONS, code: { source: true, esm: true } });
  ajv.addSchema(pipelineSchema, 'pipeline');
  return standalone(ajv, { isPipeline: 'pipeline' });
}

const shared = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  write: false,
  metafile: true,
  outExtension: { '.js': '.mjs' },
  legalComments: 'none',
  logLevel: 'warning',
};

/** What the command line loads on its way to a run of tasks that are settled, beside what it imports anyway. */
const OF_KNOWN_PLAN = ['./run.ts', './diagnostic-text.ts'];
/** And what it loads to make a plan of a plain pipeline file and of stages' code. */
const OF_NEW_PLAN = [
  ...OF_KNOWN_PLAN,
  '../pipe/config/load.ts',
  '../pipe/config/partial-plan.ts',
  '../pipe/fingerprint/stage-code.ts',
  './bundle.ts',
  './describe.ts',
  '../pipe/graph/build.ts',
  '../pipe/run/decide.ts',
  '../pipe/run/check.ts',
];

/**
 * The command line as one small file, for runs alone: what is not `kept` is left out, and says so if it
 * is asked for. Forty small files take longer to load than the run takes.
 */
const onlyRuns = (kept) => ({
  name: 'only-runs',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^\.\.?\// }, ({ path, kind }) => {
      if (kind !== 'dynamic-import' || kept.includes(path)) return undefined;
      // Loaded only where a terminal is.
      if (path === './terminal.ts') return { path: './terminal.cjs', external: true };
      return { path, namespace: 'left-out', sideEffects: true };
    });
    onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({
      contents: `throw Object.assign(new Error('left out'), { code: 'ERR_LEFT_OUT' }); export {};`,
      loader: 'js',
    }));
  },
});

/** One of the small programs. */
const smallProgram = (name, kept, validator) => ({
  ...shared,
  ...quick,
  entryPoints: { [name]: 'src/cli/main.ts' },
  outdir: 'dist',
  keepNames: true,
  external: ['chokidar', 'esbuild', 'fast-glob'],
  // Node's import() would start its loader of ES modules, where require() will do.
  supported: { 'dynamic-import': false },
  plugins: [validator, onlyRuns(kept)],
});

/** Builds all of dist/; `fresh` also removes what earlier builds left there. */
export async function buildAll({ fresh = false } = {}) {
  const validator = validatorPlugin();
  const results = await Promise.all([
    build({
      ...shared,
      entryPoints: { pipe: 'src/cli/main.ts', api: 'src/api.ts' },
      outdir: 'dist',
      splitting: true,
      chunkNames: 'chunk-[name]-[hash]',
      minifySyntax: true,
      banner: { js: requireShim },
      plugins: [validator],
      // esbuild carries a native binary that it looks for beside its own files; fsevents is macOS only.
      external: ['esbuild', 'fsevents'],
    }),
    build({
      ...shared,
      ...quick,
      entryPoints: {
        answer: 'src/cli/answer.ts',
        'answer-tasks': 'src/cli/answer-tasks.ts',
        terminal: 'src/cli/reporter/terminal.ts',
      },
      outdir: 'dist',
    }),
    build(smallProgram('rerun', OF_KNOWN_PLAN, validator)),
    build(smallProgram('run', OF_NEW_PLAN, validator)),
    build({ ...shared, entryPoints: { host: 'src/pipe/run/host.ts' }, outdir: 'dist' }),
    build({
      ...shared,
      entryPoints: {
        probe: 'src/tensor/probe.ts',
        ask: 'src/ask/main.ts',
        fetch: 'src/hub/main.ts',
      },
      outdir: 'dist',
      packages: 'external',
    }),
  ]);
  if (fresh) rmSync(outFolder, { recursive: true, force: true });
  mkdirSync(outFolder, { recursive: true });
  for (const file of results.flatMap((result) => result.outputFiles))
    writeWhole(file.path, file.contents);
  const sources = [...new Set(results.flatMap((result) => Object.keys(result.metafile.inputs)))]
    .filter((path) => !path.startsWith('node_modules/') && !path.startsWith('left-out:'))
    .concat('build.mjs');
  const stamp = sources.map((path) => ({ path, ...identity(join(root, path)) }));
  writeWhole(join(outFolder, 'stamp.json'), JSON.stringify(stamp));
}

/**
 * Runs the small programs on a pipeline of two commands, for V8 to leave what it compiled. Only
 * speed depends on it: where it can't be done, the reason is said and the build is as good.
 */
export function keepCompiled() {
  const folder = mkdtempSync(join(tmpdir(), 'pipe-build-'));
  try {
    const long = Date.now() / 1000 - 60;
    const write = (name, text) => {
      writeFileSync(join(folder, name), text);
      utimesSync(join(folder, name), long, long);
    };
    write('a.txt', '1\n');
    write('pipeline.yaml', SMALL_PIPELINE);
    const run = (env) => {
      const args = [join(root, 'bin', 'pipe.cjs'), 'run'];
      const options = { cwd: folder, env: { ...process.env, ...env }, encoding: 'utf8' };
      const { status, stderr, error } = spawnSync(process.execPath, args, options);
      if (status !== 0) throw new Error(error?.message ?? stderr);
    };
    run({ PIPE_KEEP_COMPILED: '1' });
    write('a.txt', '2\n');
    rmSync(join(folder, 'artifacts', 'last'), { recursive: true });
    run({ PIPE_KEEP_COMPILED: '1' });
  } catch (error) {
    console.error(`pipe will start a little slower: ${error.message}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const SMALL_PIPELINE = `version: 1
stages:
  first: { cmd: "cat \${inputs.a} > \${outputs.o}", inputs: { a: a.txt }, outputs: { o: o.txt } }
  last: { cmd: "cat \${inputs.o} > \${outputs.o}", inputs: { o: first.o }, outputs: { o: o.txt } }
`;

/** Size and mtime of a source, as the stamp records them. */
export function identity(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  return { size: stat?.size ?? -1, mtimeMs: stat?.mtimeMs ?? -1 };
}

/** Other processes may load the file meanwhile: they see the old one or the new one, whole. */
function writeWhole(path, contents) {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, contents);
  renameSync(temporary, path);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildAll({ fresh: true });
  keepCompiled();
  const files = readdirSync(outFolder);
  console.error(`dist/: ${files.length} files`);
}
