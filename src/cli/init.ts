/** `pipe init`: a new project from a template that runs at once, or from a `dvc.yaml`. Never overwrites. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { pipelineSchema } from '../pipe/config/schema.ts';
import { type Command, UsageError } from './command.ts';

const PACKAGE = 'mempipe';
/** This package's own folder: the command line is bundled into its dist/. */
const packageFolder = dirname(import.meta.dirname);
const templatesFolder = join(packageFolder, 'templates');
const USUAL_TEMPLATE = 'minimal';

export const initCommand: Command = {
  name: 'init',
  usage: 'init [DIR]',
  summary: 'a new project from a template, or a pipeline from a dvc.yaml; overwrites nothing',
  options: [
    {
      name: 'template',
      short: 't',
      type: 'string',
      placeholder: 'NAME',
      summary: 'minimal (two stages) or experiment (a matrix, seeds, a table with intervals)',
    },
    {
      name: 'from',
      type: 'string',
      placeholder: 'DVC.YAML',
      summary: 'writes the pipeline.yaml beside it that does the same',
    },
  ],
  run: async (invocation) => {
    const [folder = '.', ...others] = invocation.positionals;
    if (others.length > 0) throw new UsageError('init takes one folder');
    const from = invocation.text('from');
    if (from === undefined)
      initFrom(invocation.text('template') ?? USUAL_TEMPLATE, resolve(folder));
    else {
      if (invocation.positionals.length > 0 || invocation.text('template') !== undefined) {
        throw new UsageError(
          '--from takes neither a folder nor a template',
          'the pipeline.yaml is written beside the dvc.yaml',
        );
      }
      await initFromDvc(resolve(from));
    }
    return 0;
  },
};

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function initFrom(template: string, folder: string): void {
  const source = join(templatesFolder, template);
  const known = readdirSync(templatesFolder).sort();
  if (!known.includes(template)) {
    throw new UsageError(`there is no template ${template}`, `one of ${known.join(', ')}`);
  }
  const files = filesIn(source).map((name) => ({
    from: join(source, name),
    // A package cannot hold a file of this name under it.
    to: join(folder, name === 'gitignore' ? '.gitignore' : name),
  }));
  const kept = ['.gitignore', 'package.json'].map((name) => join(folder, name));
  refuseOverwriting(
    files.map(({ to }) => to).filter((path) => !kept.includes(path)),
    folder,
  );
  for (const { from, to } of files) {
    if (existsSync(to)) continue;
    mkdirSync(dirname(to), { recursive: true });
    cpSync(from, to, { errorOnExist: true, force: false });
  }
  writeNew(join(folder, 'pipeline.schema.json'), `${JSON.stringify(pipelineSchema, null, 2)}\n`);
  writeNew(join(folder, 'package.json'), manifestText(folder));
  say(`wrote ${files.map(({ to }) => relative(folder, to)).join(', ')}`);
  makeResolvable(folder);
  const place = relative(process.cwd(), folder);
  say(`next: ${place === '' ? '' : `cd ${place} && `}npx pipe run`);
}

function filesIn(folder: string, prefix = ''): string[] {
  return readdirSync(join(folder, prefix), { withFileTypes: true })
    .flatMap((entry) => {
      const name = join(prefix, entry.name);
      return entry.isDirectory() ? filesIn(folder, name) : [name];
    })
    .sort();
}

function refuseOverwriting(paths: readonly string[], folder: string): void {
  const existing = paths.filter((path) => existsSync(path)).map((path) => relative(folder, path));
  if (existing.length === 0) return;
  throw new UsageError(
    `${existing.join(', ')} would be overwritten; nothing was written`,
    'name an empty or new folder: pipe init DIR',
  );
}

function writeNew(path: string, text: string): void {
  if (!existsSync(path)) writeFileSync(path, text, { flag: 'wx' });
}

function manifestText(folder: string): string {
  const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as {
    version: string;
  };
  const manifest = {
    name: basename(folder)
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/g, '-'),
    private: true,
    type: 'module',
    dependencies: { [PACKAGE]: `^${version}` },
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** Stages import the package by name. Where that finds nothing, a link to this installation serves. */
function makeResolvable(folder: string): void {
  try {
    createRequire(join(folder, 'pipeline.yaml')).resolve(`${PACKAGE}/package.json`);
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
  }
  const link = join(folder, 'node_modules', PACKAGE);
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(packageFolder, link, 'junction');
  say(`linked node_modules/${PACKAGE} to this installation; npm install puts a copy there`);
}

async function initFromDvc(file: string): Promise<void> {
  const folder = dirname(file);
  const target = join(folder, 'pipeline.yaml');
  if (!existsSync(file)) throw new UsageError(`there is no ${relative(process.cwd(), file)}`);
  refuseOverwriting([target], folder);
  const { convertDvc } = await import('./dvc/convert.ts');
  const { yamlText } = await import('./dvc/document.ts');
  const { pipeline, notes } = convertDvc({
    file: basename(file),
    read: (name) => textOf(join(folder, name)),
    isFolder: (name) =>
      statSync(join(folder, name), { throwIfNoEntry: false })?.isDirectory() ?? false,
  });
  const lines = notes.map((note) => `${note.file}:${note.line}: ${note.text}`);
  const head = [
    '# yaml-language-server: $schema=./pipeline.schema.json',
    `# Made from ${basename(file)}. Commands see the files that they declare and no others. Values of`,
    '# params.yaml are copied to `params`: change them here, or with --set.',
    ...lines.map((line) => `# ${line}`),
  ];
  writeFileSync(target, `${head.join('\n')}\n${yamlText(pipeline)}`, {
    flag: 'wx',
  });
  writeNew(join(folder, 'pipeline.schema.json'), `${JSON.stringify(pipelineSchema, null, 2)}\n`);
  say(`wrote ${relative(process.cwd(), target)}`);
  for (const line of lines) say(`not the same: ${line}`);
}

function textOf(path: string): string | undefined {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
    ? readFileSync(path, 'utf8')
    : undefined;
}
