/**
 * The build systems that are compared: how each is told of the graph, asked to build, and made to
 * forget. Knows no clock.
 *
 * Each peer: `find(home)` gives its program or undefined; `lay(folder, dag)` writes its project;
 * `command(program, folder)` builds everything; `source(name)` is a task's source file; `forget` are
 * the paths that hold what it knows, `outputs(dag)` what it made; `most` the largest graph that it is
 * given; `rerun(output)` reads from its talk how many tasks it ran.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sourceText, write } from './dag.mjs';

const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const head = (words) => `head -q -n 1 ${words.join(' ')}`;
const laySources = (folder, dag) => {
  for (const { name } of dag) write(folder, `s/${name}.txt`, sourceText(name));
};

function onPath(name) {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

const firstThere = (...paths) => paths.find((path) => path !== undefined && existsSync(path));
const numberIn = (text, pattern) => Number(pattern.exec(text)?.[1] ?? Number.NaN);

const pipe = {
  name: 'pipe',
  most: 10_000,
  find: () => join(repository, 'bin', 'pipe.cjs'),
  lay(folder, dag) {
    laySources(folder, dag);
    const stages = dag.map(({ name, upstream }) => {
      const inputs = [`s: s/${name}.txt`, ...upstream.map((each, at) => `u${at}: ${each}.o`)];
      const words = inputs.map((input) => `\${inputs.${input.split(':')[0]}}`);
      return `  ${name}:
    cmd: ${head(words)} > \${outputs.o}
    inputs: { ${inputs.join(', ')} }
    outputs: { o: o.txt }
`;
    });
    write(folder, 'pipeline.yaml', `version: 1\nstages:\n${stages.join('')}`);
  },
  command: (program) => ({ file: process.execPath, args: [program, 'run'] }),
  source: (name) => `s/${name}.txt`,
  forget: ['cache'],
  outputs: () => ['artifacts'],
  rerun: (text) => numberIn(text, /(\d+) tasks? run/),
};

const ninja = {
  name: 'ninja',
  most: 10_000,
  find: () => onPath('ninja'),
  lay(folder, dag) {
    laySources(folder, dag);
    write(folder, 'o/.keep', '');
    // Only the root's rule looks whether its output came out equal: the others do not pay for it.
    const rules = `rule task
  command = ${head(['$in'])} > $out
rule root
  command = ${head(['$in'])} > $out.new && if cmp -s $out.new $out; then rm $out.new; else mv $out.new $out; fi
  restat = 1
`;
    const builds = dag.map(({ name, upstream }, index) => {
      const inputs = [`s/${name}.txt`, ...upstream.map((each) => `o/${each}.txt`)];
      return `build o/${name}.txt: ${index === 0 ? 'root' : 'task'} ${inputs.join(' ')}\n`;
    });
    write(folder, 'build.ninja', rules + builds.join(''));
  },
  command: (program) => ({ file: program, args: [] }),
  source: (name) => `s/${name}.txt`,
  forget: ['.ninja_log', '.ninja_deps'],
  outputs: (dag) => dag.map(({ name }) => `o/${name}.txt`),
  rerun: (text) => text.split('\n').filter((line) => line.startsWith('[')).length,
};

/** Stands in for npm, which turbo starts for every script and which alone takes 150 ms a start. */
const QUICK_NPM = `#!/bin/sh
[ "$1" = run ] || exec /usr/bin/env -i true
exec sh -c "$(sed -n 's/.*"build": "\\(.*\\)".*/\\1/p' package.json)"
`;

const turbo = {
  name: 'turbo',
  most: 10_000,
  find: (home) =>
    firstThere(
      ...['linux-64', 'linux-arm64', 'darwin-arm64', 'darwin-64'].flatMap((platform) => [
        join(home, 'node_modules', '@turbo', platform, 'bin', 'turbo'),
        join(home, 'node_modules', `turbo-${platform}`, 'bin', 'turbo'),
      ]),
    ),
  lay(folder, dag) {
    const json = (value) => `${JSON.stringify(value, null, 1)}\n`;
    const packages = { '': { name: 'bench', workspaces: ['p/*'] } };
    for (const { name, upstream } of dag) {
      const words = ['s.txt', ...upstream.map((each) => `../${each}/o.txt`)];
      const dependencies = Object.fromEntries(upstream.map((each) => [each, '*']));
      const scripts = { build: `${head(words)} > o.txt` };
      write(
        folder,
        `p/${name}/package.json`,
        json({ name, version: '1.0.0', scripts, dependencies }),
      );
      write(folder, `p/${name}/s.txt`, sourceText(name));
      packages[`node_modules/${name}`] = { resolved: `p/${name}`, link: true };
      packages[`p/${name}`] = { version: '1.0.0', dependencies };
    }
    const manager = { packageManager: 'npm@10.8.2', workspaces: ['p/*'] };
    write(folder, 'package.json', json({ name: 'bench', private: true, ...manager }));
    write(folder, 'package-lock.json', json({ name: 'bench', lockfileVersion: 3, packages }));
    const build = { dependsOn: ['^build'], outputs: ['o.txt'] };
    write(folder, 'turbo.json', json({ tasks: { build } }));
    write(folder, '.gitignore', 'o.txt\n.turbo\nnode_modules\nquick\n');
    write(folder, 'quick/npm', QUICK_NPM);
    chmodSync(join(folder, 'quick', 'npm'), 0o755);
    const git = (...args) => spawnSync('git', args, { cwd: folder, stdio: 'ignore' });
    git('init', '-q');
    git('add', '.');
    git('-c', 'user.name=bench', '-c', 'user.email=bench@localhost', 'commit', '-q', '-m', 'start');
  },
  command: (program, folder) => ({
    file: program,
    args: ['run', 'build', '--output-logs=none', '--no-daemon', '--concurrency=2'],
    env: {
      PATH: `${join(folder, 'quick')}${delimiter}${process.env.PATH}`,
      TURBO_TELEMETRY_DISABLED: '1',
      DO_NOT_TRACK: '1',
    },
  }),
  source: (name) => `p/${name}/s.txt`,
  forget: ['.turbo', 'node_modules/.cache'],
  outputs: (dag) => dag.map(({ name }) => `p/${name}/o.txt`),
  rerun: (text) => {
    const [, cached, total] = /Cached:\s+(\d+) cached, (\d+) total/.exec(text) ?? [];
    return Number(total) - Number(cached);
  },
};

const wireit = {
  name: 'wireit',
  most: 1000,
  find: (home) => firstThere(join(home, 'node_modules', 'wireit', 'bin', 'wireit.js')),
  lay(folder, dag) {
    laySources(folder, dag);
    write(folder, 'o/.keep', '');
    const read = new Set(dag.flatMap(({ upstream }) => upstream));
    const last = dag.filter(({ name }) => !read.has(name)).map(({ name }) => name);
    const scripts = Object.fromEntries(
      [...dag.map(({ name }) => name), 'all'].map((name) => [name, 'wireit']),
    );
    const tasks = dag.map(({ name, upstream }) => {
      const words = [`s/${name}.txt`, ...upstream.map((each) => `o/${each}.txt`)];
      const command = `${head(words)} > o/${name}.txt`;
      return [
        name,
        { command, dependencies: upstream, files: [`s/${name}.txt`], output: [`o/${name}.txt`] },
      ];
    });
    const config = Object.fromEntries([...tasks, ['all', { dependencies: last }]]);
    write(
      folder,
      'package.json',
      JSON.stringify({ name: 'bench', private: true, scripts, wireit: config }),
    );
  },
  command: (program, folder) => ({
    file: process.execPath,
    args: [program],
    // As npm would start it, without npm's own start.
    env: {
      npm_lifecycle_event: 'all',
      npm_command: 'run-script',
      npm_execpath: 'npm',
      npm_config_user_agent: 'npm/10.8.2',
      npm_package_json: join(folder, 'package.json'),
      WIREIT_PARALLEL: '2',
      WIREIT_LOGGER: 'simple',
    },
  }),
  source: (name) => `s/${name}.txt`,
  forget: ['.wireit'],
  outputs: (dag) => dag.map(({ name }) => `o/${name}.txt`),
  rerun: (text) => numberIn(text, /Ran (\d+) scripts?/),
};

const snakemake = {
  name: 'snakemake',
  most: 100,
  find: (home) => firstThere(join(home, 'venv', 'bin', 'snakemake'), onPath('snakemake')),
  lay(folder, dag) {
    laySources(folder, dag);
    const quoted = (names) => names.map((name) => JSON.stringify(name)).join(', ');
    const rules = dag.map(({ name, upstream }) => {
      const inputs = [`s/${name}.txt`, ...upstream.map((each) => `o/${each}.txt`)];
      return `rule ${name}:\n    input: ${quoted(inputs)}\n    output: "o/${name}.txt"\n    shell: "${head(['{input}'])} > {output}"\n`;
    });
    const all = `rule all:\n    input: ${quoted(dag.map(({ name }) => `o/${name}.txt`))}\n`;
    write(folder, 'Snakefile', all + rules.join(''));
  },
  command: (program) => ({ file: program, args: ['--cores', '2', '--quiet'] }),
  source: (name) => `s/${name}.txt`,
  forget: ['.snakemake'],
  outputs: (dag) => dag.map(({ name }) => `o/${name}.txt`),
  rerun: () => Number.NaN,
};

const dvc = {
  name: 'dvc',
  most: 100,
  find: (home) => firstThere(join(home, 'venv', 'bin', 'dvc'), onPath('dvc')),
  lay(folder, dag, program) {
    laySources(folder, dag);
    write(folder, 'o/.keep', '');
    const stages = dag.map(({ name, upstream }) => {
      const inputs = [`s/${name}.txt`, ...upstream.map((each) => `o/${each}.txt`)];
      const deps = inputs.map((input) => `      - ${input}\n`).join('');
      return `  ${name}:\n    cmd: ${head(inputs)} > o/${name}.txt\n    deps:\n${deps}    outs:\n      - o/${name}.txt\n`;
    });
    write(folder, 'dvc.yaml', `stages:\n${stages.join('')}`);
    const options = {
      cwd: folder,
      stdio: 'ignore',
      env: { ...process.env, DVC_NO_ANALYTICS: '1' },
    };
    spawnSync(program, ['init', '--no-scm', '-q'], options);
  },
  command: (program) => ({ file: program, args: ['repro', '-q'], env: { DVC_NO_ANALYTICS: '1' } }),
  source: (name) => `s/${name}.txt`,
  forget: ['.dvc/cache', '.dvc/tmp', 'dvc.lock'],
  outputs: (dag) => dag.map(({ name }) => `o/${name}.txt`),
  rerun: () => Number.NaN,
};

export const PEERS = [pipe, ninja, turbo, wireit, snakemake, dvc];
