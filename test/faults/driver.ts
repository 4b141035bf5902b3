/** A builder in its own process, to be raced against others and killed: prints events as JSON lines. */
import { join } from 'node:path';
import { loadPipeline } from '../../src/pipe/config/load.ts';
import { loadStageCode } from '../../src/pipe/fingerprint/stage-code.ts';
import { buildGraph } from '../../src/pipe/graph/build.ts';
import { build } from '../../src/pipe/run/build.ts';
import { openStore } from '../../src/pipe/store/store.ts';

const [root = '', hostPath = ''] = process.argv.slice(2);
const cache = join(root, 'cache');
const pipeline = await loadPipeline(join(root, 'pipeline.yaml'));
const graph = buildGraph(pipeline, await loadStageCode(pipeline, cache));
const artifactsFolder = join(root, 'artifacts');
await build(
  { graph, store: openStore(cache), artifactsFolder, targets: [], hostPath, jobs: 2 },
  (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
);
