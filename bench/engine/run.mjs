/**
 * `pipe` beside its peers on generated graphs: no-op, one leaf changed, the root changed with equal
 * output, outputs restored, and everything from nothing; medians of interleaved runs, as a table with
 * the ratio of `pipe` to each peer.
 *
 * node bench/engine/run.mjs [--sizes 10,100,1000,10000] [--repeats 7] [--cold-sizes 10,100,1000]
 *   [--cold-repeats 3] [--peers pipe,ninja,turbo,wireit,snakemake,dvc] [--home FOLDER]
 *
 * FOLDER is where the peers of npm (`npm i turbo wireit`) and PyPI (`python -m venv venv`, then
 * `venv/bin/pip install snakemake dvc`) were installed; those that are not there are left out.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { machine, median } from '../copy.mjs';
import { leafOf, makeDag, rootOf, write } from './dag.mjs';
import { PEERS } from './peers.mjs';

const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string', default: '10,100,1000,10000' },
    repeats: { type: 'string', default: '7' },
    'cold-sizes': { type: 'string', default: '10,100,1000' },
    'cold-repeats': { type: 'string', default: '3' },
    peers: { type: 'string', default: PEERS.map(({ name }) => name).join(',') },
    scenarios: { type: 'string', default: 'noop,leaf,root,restore,cold' },
    home: { type: 'string', default: '.' },
  },
});
const list = (text) => text.split(',').filter((word) => word !== '');
const scenarios = list(options.scenarios);
const { NODE_EXTRA_CA_CERTS: _slowStart, ...environment } = process.env;

/** One peer's project for one graph. */
class Contestant {
  constructor(peer, program, dag) {
    this.name = peer.name;
    this.peer = peer;
    this.dag = dag;
    this.folder = mkdtempSync(join(tmpdir(), `engine-${peer.name}-`));
    peer.lay(this.folder, dag, program);
    this.command = peer.command(program, this.folder);
    this.round = 0;
  }

  /** Wall time in milliseconds, and how many tasks ran. */
  build(extra = {}) {
    const { file, args, env } = this.command;
    const started = performance.now();
    const result = spawnSync(file, args, {
      cwd: this.folder,
      env: { ...environment, ...env, ...extra },
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    const wallMs = performance.now() - started;
    if (result.status !== 0) {
      throw new Error(`${this.name}: exit ${result.status}\n${result.stdout}${result.stderr}`);
    }
    return { wallMs, ran: this.peer.rerun(result.stdout + result.stderr) };
  }

  edit(name, change) {
    this.round += 1;
    const path = this.peer.source(name);
    const lines = readFileSync(join(this.folder, path), 'utf8').split('\n');
    write(this.folder, path, change(lines, this.round).join('\n'));
  }

  drop(names) {
    for (const name of names) {
      rmSync(join(this.folder, name), { recursive: true, force: true });
    }
  }

  prepare(scenario) {
    const { dag, peer } = this;
    if (scenario === 'leaf') {
      this.edit(leafOf(dag), ([, ...rest], round) => [`leaf ${round}`, ...rest]);
    }
    if (scenario === 'root') this.edit(rootOf(dag), ([first], round) => [first, `${round}`, '']);
    if (scenario === 'restore') this.drop(peer.outputs(dag));
    if (scenario === 'cold') this.drop([...peer.forget, ...peer.outputs(dag)]);
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function contestants(size) {
  const dag = makeDag(size);
  const wanted = list(options.peers);
  return PEERS.filter((peer) => wanted.includes(peer.name)).flatMap((peer) => {
    const program = peer.find(options.home);
    if (program === undefined) {
      console.log(`${peer.name} is not installed: left out`);
      return [];
    }
    if (size > peer.most) {
      console.log(`${peer.name} is left out at N = ${size}: it takes too long`);
      return [];
    }
    return [new Contestant(peer, program, dag)];
  });
}

/** What nothing changed in is not built, and no stale state is measured: one untimed build before. */
async function measure(all, scenario, repeats) {
  const restores = ({ name }) => scenario !== 'restore' || !['ninja', 'snakemake'].includes(name);
  const racing = all.filter(restores);
  for (const each of racing) each.build();
  await sleep(2500);
  const times = new Map(racing.map((each) => [each, []]));
  let ran = new Map();
  for (let repeat = 0; repeat < repeats; repeat++) {
    const order = racing.map((_, at) => racing[(at + repeat) % racing.length]);
    for (const each of order) {
      each.prepare(scenario);
      const result = each.build();
      times.get(each).push(result.wallMs);
      ran = ran.set(each, result.ran);
    }
  }
  return racing.map((each) => ({
    name: each.name,
    ms: median(times.get(each)),
    ran: ran.get(each),
  }));
}

function print(size, scenario, results, repeats) {
  const own = results.find(({ name }) => name === 'pipe')?.ms;
  const cells = results.map(({ name, ms, ran }) => {
    const count = Number.isNaN(ran) || ran === undefined ? '' : ` (${ran})`;
    const ratio = name === 'pipe' || own === undefined ? '' : ` → ${(own / ms).toFixed(3)}`;
    return `${name} ${ms.toFixed(0)}${count}${ratio}`;
  });
  console.log(`N=${size} ${scenario} [${repeats}]: ${cells.join(' | ')}`);
}

/** Peak memory of the no-op, as the process itself reports it on leaving. */
function peakMemory(contestant) {
  const hook = join(contestant.folder, 'rss.cjs');
  const told = join(contestant.folder, 'rss.txt');
  const tell = `process.on('exit', () => require('fs').writeFileSync(${JSON.stringify(told)}, String(process.resourceUsage().maxRSS)))`;
  writeFileSync(hook, tell);
  contestant.build({ NODE_OPTIONS: `--require ${hook}` });
  return Number(readFileSync(told, 'utf8')) / 1024;
}

console.log(machine());
for (const size of list(options.sizes).map(Number)) {
  const all = contestants(size);
  try {
    for (const scenario of scenarios) {
      const cold = scenario === 'cold';
      if (cold && !list(options['cold-sizes']).map(Number).includes(size)) continue;
      const repeats = Number(options[cold ? 'cold-repeats' : 'repeats']);
      print(size, scenario, await measure(all, scenario, repeats), repeats);
    }
    const own = all.find(({ name }) => name === 'pipe');
    if (own !== undefined) {
      own.build();
      console.log(`N=${size} peak memory of the no-op: pipe ${peakMemory(own).toFixed(0)} MiB`);
    }
  } finally {
    for (const each of all) each.remove();
  }
}
