/** Completion as shells ask for it; a real bash loads the script and is asked what it would offer. */
import { spawn } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeProject, outcomeOf, type RigProject, repository } from '../rig/project.ts';

let project: RigProject;
beforeAll(() => {
  project = makeProject({
    'pipeline.yaml': `version: 1
params: { topK: 3, models: [{ name: small, path: data }] }
stages:
  count: { cmd: "echo \${params.topK} > \${outputs.o}", outputs: { o: o.txt } }
  train:
    cmd: "true > \${outputs.o}"
    matrix: { model: "\${params.models}", seed: [1, 2] }
    params: { rate: 0.1 }
    outputs: { o: o.txt }
`,
    'broken.yaml': 'version: 2\n',
    // What `npm i -g` would put on the PATH.
    'bin/pipe': `#!/bin/sh\nexec "${process.execPath}" "${join(repository, 'bin', 'pipe.cjs')}" "$@"\n`,
  });
  chmodSync(join(project.folder, 'bin/pipe'), 0o755);
});
afterAll(() => project.remove());

async function offered(...words: string[]): Promise<string[]> {
  const { stdout, code } = await project.pipe('completion', 'words', '--', ...words);
  expect(code).toBe(0);
  return stdout.split('\n').slice(0, -1);
}

describe('offers', () => {
  it('commands, options and what options take', async () => {
    expect(await offered('wa')).toEqual(['watch']);
    expect(await offered('run', '--ke')).toEqual(['--keep-going']);
    expect(await offered('graph', '--format', '')).toEqual(['text', 'mermaid', 'dot', 'json']);
    expect(await offered('run', '--backend', 'w')).toEqual(['webgpu', 'wasm']);
    expect(await offered('run', '--where=mo')).toEqual(['--where=model=small']);
    expect(await offered('run', '--help', '--set', 'stages.t')).toEqual([
      'stages.train.params.rate=',
    ]);
    expect(await offered('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  it('stages and tasks, and runs for diff', async () => {
    expect(await offered('why', '')).toEqual(['count', 'train', 'train@small,1', 'train@small,2']);
    expect(await offered('diff', 'last')).toEqual(['last', 'last~1']);
  });

  it('nothing where there is nothing to know', async () => {
    expect(await offered('run', '--file', 'broken.yaml', '')).toEqual([]);
    expect(await offered('doctor', '')).toEqual([]);
    expect(await offered('no-such-command', '')).toEqual([]);
  });
});

describe('in bash', () => {
  /** What bash would replace the text behind its last word break with. */
  async function completed(line: string): Promise<string[]> {
    const ask = `source <(pipe completion bash)
complete -p pipe > /dev/null || exit 1
COMP_LINE=$1 COMP_POINT=\${#1}
compopt() { :; }
_pipe_complete
printf '%s\\n' "\${COMPREPLY[@]}"`;
    const env = { ...process.env, PATH: `${project.folder}/bin:${process.env.PATH}` };
    const child = spawn('bash', ['--norc', '-c', ask, 'bash', line], { cwd: project.folder, env });
    const { stdout, code } = await outcomeOf(child);
    expect(code).toBe(0);
    return stdout.split('\n').slice(0, -1);
  }

  it('completes names, also behind the characters that break its words', async () => {
    expect(await completed('pipe run tr')).toEqual(['train', 'train@small,1', 'train@small,2']);
    expect(await completed('pipe run train@sm')).toEqual(['@small,1', '@small,2']);
    expect(await completed('pipe run --where seed=')).toEqual(['1', '2']);
    expect(await completed('pipe run --set params.t')).toEqual(['params.topK=']);
  });
});

it('has a script for each shell, and says which there are', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    expect((await project.pipe('completion', shell)).stdout).toContain('completion words --');
  }
  expect((await project.pipe('completion', 'tcsh')).stderr).toBe(
    'no completion for tcsh\n  hint: one of bash, zsh, fish: source <(pipe completion bash)\n',
  );
});
