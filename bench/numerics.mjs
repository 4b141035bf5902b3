/**
 * The numerical core against PyTorch, turn about in one run: training steps, few-shot evaluation, the
 * whole experiment, peak memory. PyTorch both naive (the research note's way) and with the same trunk
 * cache and prefix sharing; the training step also against TFJS's own autograd, both ways too.
 *
 *     python3 -m venv .venv-reference && .venv-reference/bin/pip install torch
 *     node bench/numerics.mjs --python .venv-reference/bin/python
 *
 * `--help` lists the options.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { machine, median } from './copy.mjs';
import { experimentOf, groupOf, SHAPES, trainingTexts } from './numerics/work.mjs';

const { values: flags } = parseArgs({
  options: {
    python: { type: 'string', default: process.env.PIPE_BENCH_PYTHON ?? 'python3' },
    only: { type: 'string', default: 'step,tfjs,eval,experiment,memory' },
    rounds: { type: 'string', default: '7' },
    claims: { type: 'string', default: '200' },
    epochs: { type: 'string', default: '3' },
    threads: { type: 'string', default: '2' },
    shape: { type: 'string', default: '70m' },
    step: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (flags.help) {
  console.log(`node bench/numerics.mjs [options]
  --python PROGRAM   a Python with PyTorch (python3, or PIPE_BENCH_PYTHON)
  --only LIST        of step,tfjs,eval,experiment,memory (all); tfjs goes with step
  --rounds N         of steps and evaluation, whose medians are printed (7)
  --threads N        of each side (2)
  --step 14m|70m     the steps of this shape only
  --shape NAME       14m, 70m, 160m or 410m for eval, experiment and memory (70m)
  --claims N         of the experiment (200)
  --epochs N         of the experiment (3)`);
  process.exit(0);
}
const only = flags.only.split(',');
const rounds = Number(flags.rounds);
const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);

if (spawnSync(flags.python, ['-c', 'import torch']).status !== 0) {
  console.log(`skipped: ${flags.python} has no PyTorch (see the head of bench/numerics.mjs)`);
  process.exit(0);
}

const scratch = mkdtempSync(join(tmpdir(), 'pipe-bench-numerics-'));
// A bundle finds its packages from where it lies.
const dist = join(root, 'dist');
const bundles = { own: join(dist, 'bench-own.mjs'), tfjs: join(dist, 'bench-tfjs.mjs') };

await build({
  ...{ entryPoints: [join(here, 'numerics', 'own.ts')], outfile: bundles.own },
  ...{ bundle: true, platform: 'node', format: 'esm', packages: 'external', logLevel: 'warning' },
});
await build({
  ...{ entryPoints: [join(here, 'numerics', 'tfjs.ts')], outfile: bundles.tfjs },
  ...{ bundle: true, platform: 'node', format: 'esm', logLevel: 'error' },
  mainFields: ['module', 'main'],
  // The gradients register in the copy of TFJS that the bundle itself holds.
  banner: {
    js: [
      "import { createRequire as makeRequire } from 'node:module';",
      "import { fileURLToPath as pathOf } from 'node:url';",
      'const require = makeRequire(import.meta.url);',
      'const __filename = pathOf(import.meta.url);',
      "const __dirname = __filename.slice(0, __filename.lastIndexOf('/'));",
    ].join(' '),
  },
});

/** A process that answers one JSON line a command. */
function side(program, words) {
  const { NODE_EXTRA_CA_CERTS: _slow, ...env } = process.env;
  const threads = { PIPE_THREADS: flags.threads, PIPE_BACKEND: 'wasm' };
  const blas = { OMP_NUM_THREADS: flags.threads, OPENBLAS_NUM_THREADS: flags.threads };
  const child = spawn(program, words, {
    env: { ...env, ...threads, ...blas, MKL_NUM_THREADS: flags.threads },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    ask: async (command, job = {}) => {
      child.stdin.write(`${JSON.stringify({ command, ...job })}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`${words[0]} died at ${command}`);
      return JSON.parse(value);
    },
    stop: () => child.stdin.end(),
  };
}

const sides = {
  own: () => side(process.execPath, [bundles.own]),
  torch: () => side(flags.python, [join(here, 'numerics', 'peer.py'), flags.threads]),
  tfjs: () => side(process.execPath, [bundles.tfjs]),
};
const wasm = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');

/** Runs the contestants turn about; returns each one's median in milliseconds, its first and last value. */
async function race(contestants, count = rounds) {
  const times = contestants.map(() => []);
  const busy = contestants.map(() => []);
  const [firsts, values] = [[], contestants.map(() => 0)];
  for (let round = -1; round < count; round++) {
    for (const [at, { ask }] of contestants.entries()) {
      const { ms, cpuMs = 0, value } = await ask();
      if (round >= 0) {
        times[at].push(ms);
        busy[at].push(cpuMs);
      }
      firsts[at] ??= value;
      values[at] = value;
    }
  }
  return contestants.map(({ name }, at) => ({
    name,
    ms: median(times[at]),
    cpuMs: median(busy[at]),
    first: firsts[at],
    value: values[at],
  }));
}

function show(title, results) {
  const base = results.find(({ name }) => name === 'naive PyTorch');
  console.log(`\n${title}`);
  for (const { name, ms, cpuMs, value } of results) {
    const wall = `${ms.toFixed(1).padStart(10)} ms ${(ms / base.ms).toFixed(3).padStart(7)}`;
    const cpu = `${cpuMs.toFixed(1).padStart(10)} ms ${(cpuMs / base.cpuMs).toFixed(3).padStart(7)}`;
    const checked = value === undefined ? '' : `  (${value.toFixed(4)})`;
    console.log(`  ${name.padEnd(32)} wall ${wall}   processors ${cpu}${checked}`);
  }
}

const folders = {};

/** A random model of a shape and the memories that all sides start from. */
async function modelOf(name) {
  if (folders[name]) return folders[name];
  const folder = join(scratch, name);
  const own = sides.own();
  await own.ask('start');
  await own.ask('model', { shape: SHAPES[name], folder });
  await own.ask('memories', { shape: SHAPES[name], folder });
  own.stop();
  folders[name] = { shape: SHAPES[name], folder };
  return folders[name];
}

const SUPERVISION = { all: 1, 'an eighth (16 of 128)': 113, 'the answer (3 of 128)': 126 };

async function steps() {
  const cases = [
    ['14m', 'all'],
    ['70m', 'all'],
    ['70m', 'an eighth (16 of 128)'],
    ['70m', 'the answer (3 of 128)'],
  ];
  for (const [name, supervision] of cases) {
    if (flags.step && flags.step !== name) continue;
    const texts = trainingTexts(4, 129, SUPERVISION[supervision]);
    const job = { ...(await modelOf(name)), texts };
    const [own, naive, cached] = [sides.own(), sides.torch(), sides.torch()];
    await own.ask('start');
    await own.ask('prepareStep', job);
    await naive.ask('prepareStep', { ...job, way: 'naive' });
    await cached.ask('prepareStep', { ...job, way: 'cached' });
    const results = await race([
      { name: 'ours', ask: () => own.ask('step') },
      { name: 'naive PyTorch', ask: () => naive.ask('step', { way: 'naive' }) },
      { name: 'PyTorch with the trunk cached', ask: () => cached.ask('step', { way: 'cached' }) },
    ]);
    show(`training step, ${name}, batch 4 × 128 tokens, supervised: ${supervision}`, results);
    for (const each of [naive, cached]) each.stop();
    if (only.includes('tfjs')) await raceTfjs(own, job, results[0].first);
    own.stop();
  }
}

/** Three steps each are enough: the difference is large. The losses are those before the first step. */
async function raceTfjs(own, job, loss) {
  console.log(
    `  TFJS's own autograd (one thread: it takes no more in Node); loss of ours ${loss.toFixed(4)}`,
  );
  for (const [way, name] of [
    ['naive', 'whole model, all logits, masked loss'],
    ['cached', 'given trunk states and positions'],
  ]) {
    const tfjs = sides.tfjs();
    await tfjs.ask('start', { wasm });
    await tfjs.ask('prepareStep', { ...job, way });
    const [ours, slow] = await race(
      [
        { name: 'ours', ask: () => own.ask('step') },
        { name, ask: () => tfjs.ask('step') },
      ],
      3,
    );
    tfjs.stop();
    const ratios = [slow.ms / ours.ms, slow.cpuMs / ours.cpuMs].map((ratio) => ratio.toFixed(1));
    console.log(
      `    ${name.padEnd(36)} ${slow.ms.toFixed(0).padStart(7)} ms, ours ${ours.ms.toFixed(0)}: ` +
        `${ratios[0]} × (processors ${ratios[1]} ×); loss ${slow.first.toFixed(4)}`,
    );
  }
}

async function evaluation() {
  const job = await modelOf(flags.shape);
  const group = groupOf(0, 20, 5);
  const [own, torch] = [sides.own(), sides.torch()];
  await own.ask('start');
  await own.ask('prepareEval', job);
  await torch.ask('prepareEval', job);
  for (const candidates of [1, 4]) {
    const ask = (way) => () => torch.ask('eval', { group, candidates, way });
    const results = await race([
      { name: 'ours', ask: () => own.ask('eval', { group, candidates }) },
      { name: 'naive PyTorch', ask: ask('naive') },
      {
        name: 'naive PyTorch, one row a prompt',
        ask: async () => ({ ...(await ask('one row')()), value: undefined }),
      },
      { name: 'PyTorch, same sharing', ask: ask('cached') },
    ]);
    show(
      `20 claims of a page at 5 shots (about 128 tokens), ${flags.shape}, ${candidates} candidate(s)`,
      results,
    );
  }
  own.stop();
  torch.stop();
}

async function experiment() {
  const claims = Number(flags.claims);
  const job = {
    ...(await modelOf(flags.shape)),
    ...experimentOf(claims),
    epochs: Number(flags.epochs),
  };
  const results = [];
  const runs = [
    ['ours', 'own', undefined],
    ['naive PyTorch', 'torch', 'naive'],
    ['PyTorch, same cache and sharing', 'torch', 'cached'],
  ];
  for (const [name, program, way] of runs) {
    const child = sides[program]();
    await child.ask('start');
    const answer = await child.ask('experiment', { ...job, way });
    const { ms, cpuMs, value, encodeMs, trainMs, evalMs } = answer;
    const { peakMiB } = await child.ask('peak');
    child.stop();
    results.push({ name, ms, cpuMs, value });
    const seconds = [encodeMs, trainMs, evalMs].map((part) => (part / 1000).toFixed(1)).join(' + ');
    console.log(`  … ${name}: encode + train + eval ${seconds} s, peak ${peakMiB.toFixed(0)} MiB`);
  }
  show(
    `the whole experiment, ${flags.shape}: 4 candidates, 6 shot counts, ${claims} claims, ${flags.epochs} epochs, ` +
      `${job.texts.length} training texts (one run; the number is pretrained's log-likelihood)`,
    results,
  );
}

/** Each in a process of its own, after three steps or one group. */
async function peaks() {
  const texts = trainingTexts(4, 129, SUPERVISION.all);
  const model = await modelOf(flags.shape);
  const group = groupOf(0, 20, 5);
  console.log(`\npeak resident memory, ${flags.shape}, MiB`);
  for (const [name, program, way] of [
    ['ours', 'own', undefined],
    ['naive PyTorch', 'torch', 'naive'],
    ['PyTorch, same cache and sharing', 'torch', 'cached'],
  ]) {
    const found = [];
    const idle = sides[program]();
    await idle.ask('start');
    found.push((await idle.ask('peak')).peakMiB);
    idle.stop();
    const training = sides[program]();
    await training.ask('start');
    await training.ask('prepareStep', { ...model, texts, way });
    for (let step = 0; step < 3; step++) await training.ask('step', { way });
    found.push((await training.ask('peak')).peakMiB);
    training.stop();
    const asking = sides[program]();
    await asking.ask('start');
    await asking.ask('prepareEval', model);
    await asking.ask('eval', { group, candidates: 4, way });
    found.push((await asking.ask('peak')).peakMiB);
    asking.stop();
    const [start, step, ask] = found.map((value) => value.toFixed(0));
    console.log(`  ${name.padEnd(34)} started ${start}, training step ${step}, evaluation ${ask}`);
  }
}

try {
  const [own, torch] = [sides.own(), sides.torch()];
  const [{ backend }, peer] = [await own.ask('start'), await torch.ask('start')];
  own.stop();
  torch.stop();
  console.log(`${machine()}; ours: ${backend}`);
  console.log(
    `PyTorch ${peer.torch}, BLAS ${peer.blas}, ${peer.level}, ${peer.threads} threads; medians of ${rounds}; ratios to naive PyTorch`,
  );
  if (only.includes('step')) await steps();
  if (only.includes('eval')) await evaluation();
  if (only.includes('memory')) await peaks();
  if (only.includes('experiment')) await experiment();
} finally {
  rmSync(scratch, { recursive: true, force: true });
  for (const file of Object.values(bundles)) rmSync(file, { force: true });
}
